/** What the page knows of its call. */

import type { Found } from "../chat/products";
import type { Break } from "./breaks";
import { NO_AGENT, type Problem } from "./problems";
import type { Floor, TurnStages } from "./roomEvents";
import { EMPTY, type Transcript } from "./transcript";

/** `waiting`: connected, but no agent is there. */
export type Phase = "idle" | "starting" | "waiting" | "live" | "reconnecting";

export type AgentState = "initializing" | "listening" | "thinking" | "speaking";

export type Quality = "excellent" | "good" | "poor" | "lost" | "unknown";

export type Recording = "audio" | "text" | "";

export interface CallState {
  readonly phase: Phase;
  readonly agent: AgentState;
  /** As the agent sees it; finer than its state while both sides speak. */
  readonly floor: Floor;
  /** `off`: nothing is published, the person types. */
  readonly microphone: "on" | "muted" | "off";
  /** The browser is asked for the microphone, and may ask the person. */
  readonly asksMicrophone: boolean;
  readonly quality: Quality;
  readonly personSpeaks: boolean;
  /** What the agent keeps of the call: its sound, its words alone, or nothing. */
  readonly recording: Recording;
  /** Records of the call whose sound its caller may fetch: one for each agent that held it. */
  readonly records: readonly string[];
  /** The key to the conversation, which only this caller has; empty: there is none yet. */
  readonly session: string;
  readonly transcript: Transcript;
  /** Where another agent took over in it. */
  readonly breaks: readonly Break[];
  readonly turn: TurnStages | null;
  /** Empty: the default voice. */
  readonly voice: string;
  readonly voiceChanging: boolean;
  readonly problem: Problem | null;
  /** What the agent has shown last. */
  readonly found: Found | null;
  /** Answers to what the agent has just asked. */
  readonly suggestions: readonly string[];
  /** When a call that found no room is tried again, in ms since 1970; null: it is not waiting. */
  readonly retryAt: number | null;
}

export const IDLE: CallState = {
  phase: "idle",
  agent: "initializing",
  floor: "quiet",
  microphone: "off",
  asksMicrophone: false,
  quality: "unknown",
  personSpeaks: false,
  recording: "",
  records: [],
  session: "",
  transcript: EMPTY,
  breaks: [],
  turn: null,
  voice: "",
  voiceChanging: false,
  problem: null,
  found: null,
  suggestions: [],
  retryAt: null,
};

export function agentStateOf(attribute: string | undefined): AgentState {
  switch (attribute) {
    case "listening":
    case "thinking":
    case "speaking":
      return attribute;
    default:
      return "initializing";
  }
}

export function recordingOf(attribute: string | undefined): Recording {
  return attribute === "audio" || attribute === "text" ? attribute : "";
}

/** With the record that the agent's attribute names, where it names one that is not known yet. */
export function withRecord(
  records: readonly string[],
  attribute: string | undefined,
): readonly string[] {
  return attribute && !records.includes(attribute) ? [...records, attribute] : records;
}

/** What the person must know of a call that is recorded; empty: it is not. */
export function recordingText(recording: Recording): string {
  switch (recording) {
    case "audio":
      return "This call is recorded";
    case "text":
      return "This call is written down";
    case "":
      return "";
  }
}

/** Who has the floor, in a word or two; also what a screen reader is told. */
export function statusText(state: CallState): string {
  switch (state.phase) {
    case "idle":
      return state.transcript.length > 0 ? "The call has ended" : "Not in a call";
    case "starting":
      if (state.asksMicrophone) return "Allow the microphone if your browser asks";
      return state.retryAt === null ? "Connecting" : "Waiting for a free agent";
    case "reconnecting":
      return "Connection lost, reconnecting";
    case "waiting":
      return state.problem?.code === NO_AGENT.code
        ? "Still waiting for the agent"
        : "Waiting for the agent";
    case "live":
      if (state.floor === "held") return "Parley pauses for you";
      if (state.floor === "yielded") return "You have the floor";
      switch (state.agent) {
        case "initializing":
          return "The agent is getting ready";
        case "thinking":
          return "Parley is thinking";
        case "speaking":
          return "Parley is speaking";
        case "listening":
          if (state.microphone === "on")
            return state.personSpeaks ? "You are speaking" : "Parley is listening";
          return state.microphone === "muted" ? "You are muted" : "Parley waits for your message";
      }
  }
}
