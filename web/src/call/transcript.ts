/** The words of both sides, in the order in which they began. */

export type Speaker = "person" | "agent";

export interface Line {
  /** The segment's id in the room; typed lines have one of their own. */
  readonly id: string;
  readonly speaker: Speaker;
  readonly text: string;
  /** `interim` may still change; `cut` ends where the person interrupted it. */
  readonly status: "interim" | "final" | "cut";
  readonly typed: boolean;
  /** When its first words came, in ms since 1970. */
  readonly at_ms: number;
  /** Which of the segment's text streams the text came from; later ones replace earlier ones. */
  readonly stream: number;
}

export type Transcript = readonly Line[];

export const EMPTY: Transcript = [];

export interface Heard {
  readonly segment: string;
  readonly stream: number;
  readonly speaker: Speaker;
  readonly text: string;
  readonly final: boolean;
  /** When it came, in ms since 1970. */
  readonly at_ms: number;
}

/**
 * Takes in what a text stream has said so far. A person's segment comes as one stream per
 * interim result, each with the whole text; an agent's as one stream that grows.
 */
export function withHeard(transcript: Transcript, heard: Heard): Transcript {
  const index = transcript.findIndex((line) => line.id === heard.segment);
  const known = transcript[index];
  if (!known) {
    if (!heard.text.trim()) return transcript;
    return [
      ...transcript,
      {
        id: heard.segment,
        speaker: heard.speaker,
        text: heard.text,
        status: heard.final ? "final" : "interim",
        typed: false,
        at_ms: heard.at_ms,
        stream: heard.stream,
      },
    ];
  }
  if (heard.stream < known.stream || (known.status !== "interim" && !heard.final)) {
    return transcript;
  }
  if (heard.final && !heard.text.trim()) return transcript.toSpliced(index, 1);
  if (known.status === "cut") return transcript.with(index, { ...known, stream: heard.stream });
  const status = heard.final ? "final" : "interim";
  return transcript.with(index, { ...known, text: heard.text, status, stream: heard.stream });
}

/** `at_ms`: when it was sent, in ms since 1970. */
export function withTyped(
  transcript: Transcript,
  id: string,
  text: string,
  at_ms: number,
): Transcript {
  const line = { id, speaker: "person", text, status: "final", typed: true, at_ms } as const;
  return [...transcript, { ...line, stream: 0 }];
}

/** Marks the agent's latest line as interrupted where `heard` ends; without words it has none. */
export function withCut(transcript: Transcript, heard: string): Transcript {
  const index = transcript.findLastIndex((line) => line.speaker === "agent");
  const line = transcript[index];
  return line && heard
    ? transcript.with(index, { ...line, text: heard, status: "cut" })
    : transcript;
}

/** The call is over: nothing will change any more. */
export function settled(transcript: Transcript): Transcript {
  return transcript.map((line) =>
    line.status === "interim" ? { ...line, status: "final" as const } : line,
  );
}
