/** What is left of a call when its page is loaded again, in this tab alone and until it is closed. */

import { type CallState, IDLE } from "./state";
import { settled } from "./transcript";

/** `app`: the app whose call it was. */
export function remember(storage: Storage, app: string, state: CallState): void {
  const { session, records } = state;
  const kept = { session, records, transcript: settled(state.transcript) };
  try {
    storage.setItem(keyOf(app), JSON.stringify(kept));
  } catch {
    // Storage is off or full: the words last as long as the page.
  }
}

/** As `remember` left it; IDLE where it left nothing, or what is no longer understood. */
export function recalled(storage: Storage, app: string): CallState {
  try {
    const kept: unknown = JSON.parse(storage.getItem(keyOf(app)) ?? "null");
    return isKept(kept) ? { ...IDLE, ...kept } : IDLE;
  } catch {
    return IDLE;
  }
}

function keyOf(app: string): string {
  return `parley.lastCall.${app}`;
}

type Kept = Pick<CallState, "session" | "records" | "transcript">;

function isKept(value: unknown): value is Kept {
  const kept = value as Partial<Kept> | null;
  return (
    typeof kept?.session === "string" && Array.isArray(kept.records) && isTranscript(kept.transcript)
  );
}

function isTranscript(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (line) => typeof line?.text === "string" && line.id && Number.isFinite(line.at_ms),
    )
  );
}
