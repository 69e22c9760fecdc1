/** What is left of a call when its page is loaded again, in this tab alone and until it is closed. */

import { type CallState, IDLE } from "./state";
import { settled } from "./transcript";

/** Browsers that keep nothing throw where it is merely named. */
type Shelf = () => Storage;
const TAB: Shelf = () => sessionStorage;

/** `app`: the app whose call it was. */
export function remember(app: string, state: CallState, shelf: Shelf = TAB): void {
  const { session, records } = state;
  const kept = { session, records, transcript: settled(state.transcript) };
  try {
    shelf().setItem(keyOf(app), JSON.stringify(kept));
  } catch {
    // Storage is off or full: the words last as long as the page.
  }
}

/** As `remember` left it; IDLE where it left nothing, or what is no longer understood. */
export function recalled(app: string, shelf: Shelf = TAB): CallState {
  try {
    const kept: unknown = JSON.parse(shelf().getItem(keyOf(app)) ?? "null");
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
    typeof kept?.session === "string" &&
    Array.isArray(kept.records) &&
    isTranscript(kept.transcript)
  );
}

function isTranscript(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((line) => typeof line?.text === "string" && line.id && Number.isFinite(line.at_ms))
  );
}
