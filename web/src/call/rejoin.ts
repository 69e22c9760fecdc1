/** Enters a call again that was lost for good: LiveKit's server has dropped its person. */

import { type CallAccess, type CallWish, GatewayError, requestAccess } from "./gateway";
import type { Limits } from "./limits";
import { logDetails } from "./plain";
import { pause, retryAfterMs } from "./retry";

/** A gateway that takes longer is asked again. */
const ANSWER_WITHIN_MS = 5_000;

/**
 * Asks for access to the conversation of `wish` and has `enter` take it, until that works; false
 * where `until_ms` (since 1970) comes first or `signal` is aborted.
 *
 * Access that is granted is tried again: each grant holds a place among the agents for a while.
 * Where the gateway does not know the conversation any more, another is begun.
 */
export async function rejoined(
  wish: CallWish,
  enter: (access: CallAccess) => Promise<void>,
  { rejoin_ms }: Limits,
  until_ms: number,
  signal: AbortSignal,
): Promise<boolean> {
  let known: CallWish = wish;
  let access: CallAccess | null = null;
  while (!signal.aborted && Date.now() < until_ms) {
    let wait_ms = rejoin_ms;
    try {
      const asking = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
      access ??= await requestAccess(known, asking);
      if (!signal.aborted) await enter(access);
      return !signal.aborted;
    } catch (error) {
      if (signal.aborted) return false;
      logDetails("rejoin", error);
      if (error instanceof GatewayError) {
        if (error.code === "unknown_session") known = { ...known, session: "", resumed: false };
        if (error.code === "unknown_voice") known = { ...known, voice: "" };
        if (error.retryAfterS !== null) wait_ms = retryAfterMs(error);
      }
    }
    await pause(wait_ms, signal);
  }
  return false;
}
