import type { ComponentChildren } from "preact";
import { type CallState, type Quality, recordingText } from "../call/state";

const BARS: Record<Quality, number> = { excellent: 3, good: 2, poor: 1, lost: 0, unknown: 0 };

/** `children` stand at its end, where nothing that comes and goes moves them. */
export function Header({ state, children }: { state: CallState; children?: ComponentChildren }) {
  return (
    <header class="header">
      <h1 class="wordmark">
        <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
          <path class="wordmark-person" d="M4 15a9 9 0 0 1 18 0z" />
          <path class="wordmark-agent" d="M10 17a9 9 0 0 0 18 0z" />
        </svg>
        Parley
      </h1>
      <p class="recorded" role="status">
        {recordingText(state.recording)}
      </p>
      {state.phase !== "idle" && state.phase !== "starting" && (
        <p class="quality" data-quality={state.quality}>
          <svg viewBox="0 0 18 14" aria-hidden="true" focusable="false">
            {[0, 1, 2].map((bar) => (
              <rect
                key={bar}
                class={bar < BARS[state.quality] ? "bar bar-on" : "bar"}
                x={bar * 6.5}
                y={9 - bar * 4}
                width="4"
                height={5 + bar * 4}
                rx="1"
              />
            ))}
          </svg>
          <span class="unseen">Connection: </span>
          <span class="quality-word">
            {state.quality === "unknown" ? "measuring" : state.quality}
          </span>
        </p>
      )}
      {children}
    </header>
  );
}
