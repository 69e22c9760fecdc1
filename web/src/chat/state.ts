/** What the chat page shows, and how a frame changes it. */

import type { ChatFrame } from "./frames";
import type { Found } from "./products";

export interface ChatLine {
  readonly speaker: "person" | "agent";
  readonly text: string;
  readonly found: Found | null;
}

export interface ChatState {
  readonly connection: "connecting" | "open" | "lost";
  readonly lines: readonly ChatLine[];
  /** What the agent is doing; empty: nothing. */
  readonly progress: string;
  readonly suggestions: readonly string[];
  readonly problem: string;
  /** Whether the last line of the agent is still being written. */
  readonly writing: boolean;
}

export const EMPTY_CHAT: ChatState = {
  connection: "connecting",
  lines: [],
  progress: "",
  suggestions: [],
  problem: "",
  writing: false,
};

export function withSaid(state: ChatState, text: string): ChatState {
  const line: ChatLine = { speaker: "person", text, found: null };
  return {
    ...state,
    lines: [...state.lines, line],
    suggestions: [],
    problem: "",
    progress: "Thinking.",
    writing: false,
  };
}

export function withFrame(state: ChatState, frame: ChatFrame): ChatState {
  switch (frame.type) {
    case "connected": {
      const open: ChatState = { ...state, connection: "open", problem: "" };
      return state.lines.length === 0 ? withLine(open, frame.message) : open;
    }
    case "progress":
      return { ...state, progress: frame.message };
    case "results":
      return { ...withLine(state, "", frame.found), progress: "", writing: true };
    case "token": {
      if (frame.complete) return { ...state, writing: false };
      const written = state.writing ? state : withLine(state, "");
      return { ...added(written, frame.content), progress: "", writing: true };
    }
    case "clarification":
      return {
        ...withLine(state, frame.question),
        suggestions: frame.suggestions,
        progress: "",
        writing: false,
      };
    case "done":
      return { ...state, progress: "", writing: false };
    case "error":
      return { ...state, progress: "", writing: false, problem: frame.message };
  }
}

function withLine(state: ChatState, text: string, found: Found | null = null): ChatState {
  return { ...state, lines: [...state.lines, { speaker: "agent", text, found }] };
}

function added(state: ChatState, text: string): ChatState {
  const last = state.lines.at(-1);
  if (!last) return state;
  return { ...state, lines: state.lines.with(-1, { ...last, text: last.text + text }) };
}
