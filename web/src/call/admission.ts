/** Waits for a free agent: access to a call is asked for until there is room. */

import { type CallAccess, type CallWish, GatewayError, requestAccess } from "./gateway";
import { noRoomProblem, type Problem, VOICE_GONE } from "./problems";
import { pause, retryAfterMs } from "./retry";

/** What the person is told meanwhile. */
export interface Waiting {
  /** There is no room, for another reason than before. */
  onNoRoom(problem: Problem): void;
  /** When it is asked again, in ms since 1970. */
  onRetry(at_ms: number): void;
  /** There is room now. */
  onRoom(): void;
  /** The voice that was wished for is not there: the call begins in the usual one. */
  onVoiceGone(problem: Problem): void;
}

/** Throws what else `requestAccess` throws, and once `signal` is aborted. */
export async function admitted(
  wish: CallWish,
  waiting: Waiting,
  signal: AbortSignal,
): Promise<CallAccess> {
  let told = "";
  let { voice } = wish;
  for (;;) {
    try {
      const access = await requestAccess({ ...wish, voice }, signal);
      if (told && !signal.aborted) waiting.onRoom();
      return access;
    } catch (error) {
      if (signal.aborted) throw error;
      if (voice && error instanceof GatewayError && error.code === "unknown_voice") {
        voice = "";
        waiting.onVoiceGone(VOICE_GONE);
        continue;
      }
      const problem = noRoomProblem(error);
      if (!problem) throw error;
      const wait_ms = retryAfterMs(error);
      // Told once: who has read and dismissed it is not told with every try.
      if (told !== problem.code) waiting.onNoRoom(problem);
      told = problem.code;
      waiting.onRetry(Date.now() + wait_ms);
      await pause(wait_ms, signal);
    }
  }
}
