import { breakText } from "../call/breaks";
import { type CallState, statusText } from "../call/state";

/** What a screen reader is told: the state, what was understood, and, if wanted, the replies. */
export function Announcer({ state, replies }: { state: CallState; replies: boolean }) {
  const final = state.transcript.filter((line) => line.status !== "interim" && !line.typed);
  const understood = final.findLast((line) => line.speaker === "person");
  const reply = final.findLast((line) => line.speaker === "agent");
  // The floor changes with every word; only what asks for attention is told.
  const status =
    state.phase === "live" && state.microphone !== "muted" ? "Connected" : statusText(state);
  const gap = state.breaks.at(-1);
  return (
    <div class="unseen" aria-live="polite">
      <p>{status}</p>
      <p>{gap && breakText(gap)}</p>
      <p>{understood && `You said: ${understood.text}`}</p>
      <p>{replies && reply && `Parley said: ${reply.text}`}</p>
    </div>
  );
}
