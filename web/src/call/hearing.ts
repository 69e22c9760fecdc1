/** Reads a text stream of the room's transcription as it grows. */

import type { TextStreamReader } from "livekit-client";
import type { Heard } from "./transcript";

/** Tells `take` all that has come, again with every piece; `stream` counts the streams of a call. */
export async function readHeard(
  reader: TextStreamReader,
  speaker: Heard["speaker"],
  stream: number,
  take: (heard: Heard) => void,
): Promise<void> {
  const segment = reader.info.attributes?.["lk.segment_id"] ?? reader.info.id;
  let text = "";
  try {
    for await (const chunk of reader) {
      text += chunk;
      take({ segment, stream, speaker, text, final: false, at_ms: Date.now() });
    }
  } catch {
    // The connection broke it off: what has come so far is what was heard.
  }
  const final = reader.info.attributes?.["lk.transcription_final"] === "true";
  take({ segment, stream, speaker, text, final, at_ms: Date.now() });
}
