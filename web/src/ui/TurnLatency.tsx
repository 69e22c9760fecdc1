import type { TurnStages } from "../call/roomEvents";

const STAGES = [
  ["endpointing_ms", "end of turn"],
  ["asr_ms", "recognition"],
  ["llm_first_token_ms", "first word"],
  ["tts_first_audio_ms", "first sound"],
] as const;

/** How long the last reply took to begin, and where the time went. */
export function TurnLatency({ turn }: { turn: TurnStages | null }) {
  if (!turn) return null;
  const stages = STAGES.flatMap(([key, label]) => {
    const ms = turn[key];
    return ms === null ? [] : [{ key, label, ms }];
  });
  return (
    <section class="latency" aria-label="Latency of the last turn">
      <p class="latency-total">
        <span class="latency-figure">
          {turn.total_ms === null ? "–" : Math.round(turn.total_ms)} ms
        </span>{" "}
        from your last word to the first sound
      </p>
      <svg class="latency-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        {segments(stages).map(({ key, from, share }) => (
          <rect key={key} class={`stage-${key}`} x={from} y="0" width={share} height="1" />
        ))}
      </svg>
      <dl class="stages">
        {stages.map(({ key, label, ms }) => (
          <div key={key} class={`stage stage-${key}`}>
            <dt>{label}</dt>
            <dd>{Math.round(ms)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function segments(stages: { key: string; ms: number }[]) {
  const total = stages.reduce((sum, stage) => sum + stage.ms, 0) || 1;
  let from = 0;
  return stages.map(({ key, ms }) => {
    const share = (ms / total) * 100;
    from += share;
    return { key, from: from - share, share };
  });
}
