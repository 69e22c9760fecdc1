import type { CallRecord, Turn } from "./api";
import { loudness, ms, outline, pictureOf } from "./picture";

interface Props {
  readonly call: CallRecord;
  readonly peaks: Uint8Array;
  /** The loudest peak of the call. */
  readonly loudest: number;
  readonly turn: Turn;
}

/** How the answer to one turn came about: what sounded, and each stage, on one time axis. */
export function TurnPicture({ call, peaks, loudest, turn }: Props) {
  const picture = pictureOf(turn, call.objective_ms);
  if (!picture) return null;
  const { from_s, to_s, silent_s, sounded_s, due_s } = picture;
  const percent = (at_s: number) => `${(100 * (at_s - from_s)) / (to_s - from_s)}%`;
  const lane = (side: 0 | 1) => loudness(peaks, side, call, from_s, to_s, loudest);
  const late = turn.over_ms !== null;
  return (
    <figure class="picture" aria-label="How the answer came about">
      <div class="picture-lines" aria-hidden="true">
        {due_s !== null && late && <i class="picture-due" style={{ left: percent(due_s) }} />}
        {silent_s !== null && <i class="picture-silent" style={{ left: percent(silent_s) }} />}
        {sounded_s !== null && <i class="picture-sounded" style={{ left: percent(sounded_s) }} />}
        {silent_s !== null && sounded_s !== null && (
          <b
            class="picture-response"
            style={{
              left: percent(silent_s),
              width: `${(100 * (sounded_s - silent_s)) / (to_s - from_s)}%`,
            }}
          />
        )}
      </div>
      <Lane name="person" values={lane(0)} />
      {picture.bars.map((bar) => (
        <div key={`${bar.label} ${bar.from_s}`} class="picture-row">
          <span class="picture-label">{bar.label}</span>
          <span class="picture-track">
            <span
              class={`picture-bar picture-bar-${bar.side}`}
              style={{
                left: percent(bar.from_s),
                width: `${(100 * (bar.to_s - bar.from_s)) / (to_s - from_s)}%`,
              }}
            />
          </span>
          <span class="picture-figure">{ms(bar.to_s - bar.from_s)}</span>
        </div>
      ))}
      <Lane name="agent" values={lane(1)} />
    </figure>
  );
}

function Lane({ name, values }: { name: "person" | "agent"; values: readonly number[] }) {
  if (values.length === 0) return null;
  return (
    <div class="picture-row">
      <span class={`picture-label picture-${name}`}>{name}</span>
      <svg
        class={`picture-lane picture-lane-${name}`}
        viewBox={`0 0 ${values.length} 1`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <path d={outline(values)} />
      </svg>
    </div>
  );
}
