import { PARTS, type Part, rowsOf, type Waterfall } from "../call/waterfall";

/** How long the last reply took to begin, in parts that sum to the whole, and the turns before. */
export function TurnLatency({ turns }: { turns: readonly Waterfall[] }) {
  const last = turns.at(-1);
  if (!last) return null;
  return (
    <section class="latency" aria-label="Latency of the last turn">
      <p class="latency-total">
        <span class="latency-figure">{Math.round(last.total_ms)} ms</span> from your{" "}
        {last.typed ? "message" : "last word"} to the first sound
        {last.filler && ", which bridges the wait"}
      </p>
      <dl class="stages">
        {rowsOf(last).map(({ key, ms, parts }) => (
          <div key={key} class="stage">
            <dt>{PARTS[key]}</dt>
            <dd>
              <Bar parts={parts} whole_ms={last.total_ms} />
              {ms}
            </dd>
          </div>
        ))}
      </dl>
      {turns.length > 1 && <History turns={turns} />}
    </section>
  );
}

/** All turns on one scale. */
function History({ turns }: { turns: readonly Waterfall[] }) {
  const longest_ms = Math.max(...turns.map(({ total_ms }) => total_ms));
  return (
    <ol class="turn-history" aria-label="Latency of each turn">
      {turns.map((turn) => (
        <li key={`${turn.turn} ${turn.total_ms}`} data-typed={turn.typed}>
          <span>{turn.typed ? "typed" : "spoken"}</span>
          <Bar parts={turn.parts} whole_ms={longest_ms} />
          {Math.round(turn.total_ms)} ms
        </li>
      ))}
    </ol>
  );
}

function Bar({ parts, whole_ms }: { parts: readonly Part[]; whole_ms: number }) {
  const share = (ms: number) => (100 * ms) / Math.max(whole_ms, 1);
  return (
    <svg class="stage-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
      {parts.map(({ key, from_ms, ms }) => (
        <rect key={from_ms} class={`part-${key}`} x={share(from_ms)} width={share(ms)} height="1" />
      ))}
    </svg>
  );
}
