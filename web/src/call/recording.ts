/** The sound of one's own call, from the gateway. */

import { GatewayError, secondsOf } from "./gateway";
import { pause } from "./retry";

/** The call is still written down for a moment after its end, and a bucket has it later yet. */
const MOST_TRIES = 15;

/** FLAC of both sides; `session` is the key to the conversation. Throws GatewayError. */
export async function fetchRecording(
  record: string,
  session: string,
  signal: AbortSignal,
): Promise<Blob> {
  const request = { headers: { Authorization: `Bearer ${session}` }, signal };
  for (let tries = 1; ; tries++) {
    const response = await fetch(`/api/recording/${encodeURIComponent(record)}`, request);
    if (response.ok) return response.blob();
    const waitS = secondsOf(response.headers.get("Retry-After"));
    if (waitS === null || tries === MOST_TRIES) {
      throw new GatewayError("no_recording", "The recording is not to be had.", waitS);
    }
    await pause(waitS * 1000, signal);
  }
}
