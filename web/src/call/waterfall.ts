/** Where the time of one turn went, in parts that follow one another and sum to the whole. */

/** When each thing of a turn happened, in seconds since 1970; mirrors TurnMoments of room_events. */
export interface TurnMoments {
  readonly speech_ended_s: number | null;
  readonly pause_noticed_s: number | null;
  readonly text_s: number | null;
  readonly begun_s: number | null;
  readonly first_token_s: number | null;
  readonly first_clause_s: number | null;
  readonly tts_asked_s: number | null;
  readonly first_audio_s: number | null;
  readonly turn_ended_s: number | null;
}

export interface TimedTurn {
  readonly turn: number;
  readonly filler: boolean;
  /** When its first sound left the agent. */
  readonly at_s: number;
  readonly moments: TurnMoments;
}

/** A tool's run, on the agent's clock. */
export interface ToolSpan {
  readonly from_s: number;
  readonly to_s: number;
}

export const PARTS = {
  pause: "pause noticed",
  recognition: "recognition",
  turn: "end of turn",
  thought: "first word",
  tools: "tools",
  clause: "first clause",
  voice: "voice",
  elsewhere: "elsewhere",
} as const;

export type PartKey = keyof typeof PARTS;

export interface Part {
  readonly key: PartKey;
  /** From the beginning of the turn. */
  readonly from_ms: number;
  readonly ms: number;
}

export interface Waterfall {
  readonly turn: number;
  readonly typed: boolean;
  /** What sounded first only bridges the wait. */
  readonly filler: boolean;
  readonly total_ms: number;
  /** In the order of time; their lengths sum to the total. */
  readonly parts: readonly Part[];
}

/** What was waited for until a moment came. What no moment ends is `elsewhere`. */
const ENDS: readonly (readonly [keyof TurnMoments, PartKey])[] = [
  ["pause_noticed_s", "pause"],
  ["text_s", "recognition"],
  ["begun_s", "elsewhere"],
  ["turn_ended_s", "turn"],
  ["first_token_s", "thought"],
  ["first_clause_s", "clause"],
  ["tts_asked_s", "voice"],
  ["first_audio_s", "voice"],
];

/**
 * Cuts the wait at each moment: the part before a moment is named after it. Stages overlap (a
 * reply is made while it is not sure yet that the turn has ended), the parts do not.
 * null where nobody knows when the person's turn ended.
 */
export function waterfallOf(told: TimedTurn, tools: readonly ToolSpan[] = []): Waterfall | null {
  const { moments, at_s } = told;
  const typed = moments.speech_ended_s === null && moments.text_s === null;
  const from_s = typed ? moments.begun_s : moments.speech_ended_s;
  if (from_s === null || at_s < from_s) return null;
  const ends: { at_s: number; key: PartKey }[] = [];
  for (const [moment, key] of ENDS) {
    const end_s = moments[moment];
    if (end_s !== null) ends.push({ at_s: end_s, key });
  }
  for (const tool of tools) {
    ends.push({ at_s: tool.from_s, key: "thought" }, { at_s: tool.to_s, key: "tools" });
  }
  const inside = ends
    .filter((end) => end.at_s > from_s && end.at_s <= at_s)
    .sort((one, other) => one.at_s - other.at_s);
  const parts: Part[] = [];
  let begun_s = from_s;
  for (const end of [...inside, { at_s, key: "elsewhere" as const }]) {
    const ms = 1000 * (end.at_s - begun_s);
    const last = parts.at(-1);
    if (last?.key === end.key) parts[parts.length - 1] = { ...last, ms: last.ms + ms };
    else if (ms > 0) parts.push({ key: end.key, from_ms: 1000 * (begun_s - from_s), ms });
    begun_s = end.at_s;
  }
  return {
    turn: told.turn,
    typed,
    filler: told.filler,
    total_ms: 1000 * (at_s - from_s),
    parts,
  };
}

/** All parts of one name. */
export interface Row {
  readonly key: PartKey;
  readonly ms: number;
  readonly parts: readonly Part[];
}

/**
 * The parts by name, in whole milliseconds that sum to the rounded whole: what rounding leaves
 * goes to the longest. What is `elsewhere` comes last.
 */
export function rowsOf({ total_ms, parts }: Waterfall): readonly Row[] {
  const named = new Set(parts.map(({ key }) => key));
  const keys = [...named].sort((one, other) => rank(one) - rank(other));
  const rows = keys.map((key) => {
    const own = parts.filter((part) => part.key === key);
    return { key, ms: Math.round(own.reduce((sum, { ms }) => sum + ms, 0)), parts: own };
  });
  const left = Math.round(total_ms) - rows.reduce((sum, { ms }) => sum + ms, 0);
  const longest = Math.max(...rows.map(({ ms }) => ms));
  const taker = rows.findIndex(({ ms }) => ms === longest);
  return rows.map((row, index) => (index === taker ? { ...row, ms: row.ms + left } : row));
}

/** What nothing is known of stands last; the others stay as they came. */
function rank(key: PartKey): number {
  return key === "elsewhere" ? 1 : 0;
}
