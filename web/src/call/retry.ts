/** When a call that found no room is tried again. */

import { GatewayError } from "./gateway";

const UNTOLD_S = 5;
const LONGEST_S = 60;

/** Milliseconds until the next try, as the gateway wishes. */
export function retryAfterMs(error: unknown): number {
  const told = error instanceof GatewayError ? error.retryAfterS : null;
  return 1000 * Math.min(Math.max(told ?? UNTOLD_S, 1), LONGEST_S);
}

/** Resolves after `ms`, or as soon as `signal` is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
