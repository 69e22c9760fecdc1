/** Where another agent took over in the transcript, and whether it knows what was said before. */

import type { Transcript } from "./transcript";

/** As the agent's participant says of itself; empty: it says nothing (yet). */
export type History = "kept" | "new" | "";

export interface Break {
  /** The id of the line after which it stands. */
  readonly after: string;
  /** What was away; `call`: the person called again. */
  readonly cause: "line" | "agent" | "call";
  readonly away_s: number;
  readonly history: History;
}

export function historyOf(attribute: string | undefined): History {
  return attribute === "kept" || attribute === "new" ? attribute : "";
}

/** With a break at the end of what has been said; as it was where nothing has. */
export function withBreak(
  breaks: readonly Break[],
  transcript: Transcript,
  cause: Break["cause"],
  away_ms: number,
): readonly Break[] {
  const after = transcript.at(-1)?.id;
  if (after === undefined) return breaks;
  const earlier = breaks.filter((known) => known.after !== after);
  return [...earlier, { after, cause, away_s: Math.round(away_ms / 1000), history: "" }];
}

/** The agent of the last break has said what it knows. */
export function withHistory(breaks: readonly Break[], history: History): readonly Break[] {
  const last = breaks.at(-1);
  return last && last.history !== history ? breaks.with(-1, { ...last, history }) : breaks;
}

export function breakText({ cause, away_s, history }: Break): string {
  const what = {
    line: `The connection was lost for ${lasting(away_s)}`,
    agent: away_s ? `The agent was away for ${lasting(away_s)}` : "Another agent has taken over",
    call: "A new call",
  }[cause];
  switch (history) {
    case "kept":
      return `${what}. Parley knows what was said.`;
    case "new":
      return `${what}. Parley begins anew, and does not know what was said above.`;
    case "":
      return `${what}.`;
  }
}

function lasting(seconds: number): string {
  if (seconds < 90) return `${Math.max(seconds, 1)} s`;
  return `${Math.round(seconds / 60)} min`;
}
