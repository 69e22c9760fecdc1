import type { TurnStages } from "../call/roomEvents";

const STAGES = [
  ["endpointing_ms", "end of turn"],
  ["asr_ms", "recognition"],
  ["llm_first_token_ms", "first word"],
  ["tts_first_audio_ms", "first sound"],
] as const;

/**
 * How long the last reply took to begin, and each stage of it beside the whole: they overlap,
 * since the reply is prepared while it is not yet sure that the turn has ended.
 */
export function TurnLatency({ turn }: { turn: TurnStages | null }) {
  if (!turn) return null;
  const stages = STAGES.flatMap(([key, label]) => {
    const ms = turn[key];
    return ms === null ? [] : [{ key, label, ms }];
  });
  const longest_ms = Math.max(turn.total_ms ?? 0, ...stages.map(({ ms }) => ms), 1);
  return (
    <section class="latency" aria-label="Latency of the last turn">
      <p class="latency-total">
        <span class="latency-figure">
          {turn.total_ms === null ? "–" : Math.round(turn.total_ms)} ms
        </span>{" "}
        from your {turn.endpointing_ms === null ? "message" : "last word"} to the first sound
      </p>
      <dl class="stages">
        {stages.map(({ key, label, ms }) => (
          <div key={key} class="stage">
            <dt>{label}</dt>
            <dd>
              <svg
                class={`stage-bar stage-${key}`}
                viewBox="0 0 100 1"
                preserveAspectRatio="none"
                aria-hidden="true"
              >
                <rect width={(ms / longest_ms) * 100} height="1" />
              </svg>
              {Math.round(ms)}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
