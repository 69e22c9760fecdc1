/** Where the stages of a turn stand in its picture, and the outline of what sounded. */

import type { CallRecord, StageTimes, Turn } from "./api";

export interface Bar {
  readonly label: string;
  /** Whose time it is: the person's turn being understood, or the agent's being made. */
  readonly side: "person" | "agent" | "tool";
  readonly from_s: number;
  readonly to_s: number;
}

export interface Picture {
  readonly from_s: number;
  readonly to_s: number;
  readonly bars: readonly Bar[];
  /** The person's last sound, and the first of the answer. */
  readonly silent_s: number | null;
  readonly sounded_s: number | null;
  /** When the answer should have sounded at the latest. */
  readonly due_s: number | null;
}

const BEFORE_S = 0.6;
const AFTER_S = 1.0;

const STAGES: readonly [
  label: string,
  side: "person" | "agent",
  from: keyof StageTimes,
  to: keyof StageTimes,
][] = [
  ["recognition", "person", "speech_ended_s", "text_s"],
  ["end of turn", "person", "speech_ended_s", "turn_ended_s"],
  ["first word", "agent", "begun_s", "first_token_s"],
  ["first sound", "agent", "tts_asked_s", "first_audio_s"],
];

/** The picture of a turn's response; null for a turn that answers nobody. */
export function pictureOf(turn: Turn, objective_ms: number | null): Picture | null {
  const marks = turn.marks;
  if (!marks) return null;
  const bars: Bar[] = [];
  for (const [label, side, from, to] of STAGES) {
    const from_s = marks[from];
    const to_s = marks[to];
    if (from_s !== null && to_s !== null && to_s >= from_s)
      bars.push({ label, side, from_s, to_s });
  }
  for (const { name, at_s, took_s } of turn.tools) {
    if (took_s !== null)
      bars.push({ label: name, side: "tool", from_s: at_s - took_s, to_s: at_s });
  }
  const times = [
    ...bars.flatMap(({ from_s, to_s }) => [from_s, to_s]),
    ...[marks.speech_ended_s, marks.sounded_s].filter((at_s) => at_s !== null),
  ];
  if (times.length === 0) return null;
  const silent_s = marks.speech_ended_s;
  return {
    from_s: Math.min(...times) - BEFORE_S,
    to_s: Math.max(...times) + AFTER_S,
    bars,
    silent_s,
    sounded_s: marks.sounded_s,
    due_s: silent_s === null || objective_ms === null ? null : silent_s + objective_ms / 1000,
  };
}

/** The loudest peak of a call, of both sides: what a picture is as high as. */
export function loudestOf(peaks: Uint8Array): number {
  return peaks.reduce((loudest, peak) => Math.max(loudest, peak), 1);
}

/** Loudness from 0 to 1 of one side between two times, a value for each peak. */
export function loudness(
  peaks: Uint8Array,
  side: 0 | 1,
  call: Pick<CallRecord, "audio_began_at_s" | "peak_s">,
  from_s: number,
  to_s: number,
  loudest: number,
): number[] {
  const { audio_began_at_s, peak_s } = call;
  if (audio_began_at_s === null || peak_s <= 0) return [];
  const first = Math.round((from_s - audio_began_at_s) / peak_s);
  const count = Math.max(0, Math.round((to_s - from_s) / peak_s));
  return Array.from({ length: count }, (_, index) =>
    shown(peaks[2 * (first + index) + side] ?? 0, loudest),
  );
}

/** Quiet speech is to be seen too: the ear hears loudness, not amplitude. */
export function shown(peak: number, loudest: number): number {
  return (peak / loudest) ** 0.6;
}

/** A path from a base line at y=1 up to the loudness, 1 wide for each value and 1 high. */
export function outline(values: readonly number[]): string {
  if (values.length === 0) return "";
  const steps = values.map(
    (value, x) => `L${x} ${(1 - value).toFixed(3)}L${x + 1} ${(1 - value).toFixed(3)}`,
  );
  return `M0 1${steps.join("")}L${values.length} 1Z`;
}

/** What was made of an answer and not heard, where it was cut short. */
export function unheard(turn: Pick<Turn, "made" | "heard" | "interrupted" | "ended">): string {
  if (!turn.interrupted || !turn.ended || !turn.made.startsWith(turn.heard)) return "";
  return turn.made.slice(turn.heard.length);
}

/** 83.4 → "1:23". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function ms(seconds: number): string {
  return `${Math.round(1000 * seconds)} ms`;
}
