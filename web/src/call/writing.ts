/** The words of a call as a text to keep: what was said and heard, and when. */

import type { Line, Transcript } from "./transcript";

export const NAMES = { person: "You", agent: "Parley" } as const;

/** The time of day of `at_ms` (ms since 1970) where this browser is: 09:05:07. */
export function timeOfDay(at_ms: number): string {
  const at = new Date(at_ms);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

/** A line each, under the day of the first; the agent's words as far as they were heard. */
export function written(transcript: Transcript): string {
  const [first] = transcript;
  if (!first) return "";
  return `${[`Parley, ${day(first.at_ms)}`, "", ...transcript.map(lineOf)].join("\n")}\n`;
}

/** The name of a file with the words of a call, without an ending: parley-2026-11-28-0905. */
export function fileName(transcript: Transcript): string {
  const at_ms = transcript[0]?.at_ms ?? Date.now();
  return `parley-${day(at_ms)}-${timeOfDay(at_ms).slice(0, 5).replace(":", "")}`;
}

function lineOf(line: Line): string {
  const how = line.typed ? " (typed)" : "";
  const end = line.status === "cut" ? " — (interrupted)" : "";
  return `[${timeOfDay(line.at_ms)}] ${NAMES[line.speaker]}${how}: ${line.text}${end}`;
}

function day(at_ms: number): string {
  const at = new Date(at_ms);
  return [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
}

function two(part: number): string {
  return String(part).padStart(2, "0");
}
