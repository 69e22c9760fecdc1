/** The states of the page that are looked at, one by one. */

import { type CallState, IDLE } from "../call/state";
import type { Line, Transcript } from "../call/transcript";

/** A morning in November, so that every picture has the same times. */
const BEGAN_MS = Date.UTC(2026, 10, 28, 9, 5, 7);

function line(n: number, speaker: Line["speaker"], text: string, status: Line["status"]): Line {
  const at_ms = BEGAN_MS + n * 4000;
  return { id: `line-${n}`, speaker, text, status, typed: false, at_ms, stream: n };
}

const TALK: Transcript = [
  line(0, "agent", "Hello, this is Parley. What would you like to know?", "final"),
  line(1, "person", "How far away is the moon?", "final"),
  line(
    2,
    "agent",
    "On average three hundred and eighty-four thousand kilometers. Light takes a little more than " +
      "a second for it.",
    "final",
  ),
  line(3, "person", "And the sun?", "final"),
];
const ANSWER = "The sun is about one hundred and fifty million kilometers away,";
const SPOKEN: Transcript = [...TALK, line(4, "agent", ANSWER, "interim")];
const CUT: Transcript = [
  ...TALK,
  line(4, "agent", ANSWER, "cut"),
  line(5, "person", "wait, in miles", "interim"),
];
const TYPED: Transcript = [
  ...TALK.slice(0, 1),
  { ...line(1, "person", "How many days has a leap year?", "final"), typed: true },
  line(2, "agent", "A leap year has three hundred and sixty-six days.", "final"),
];

const STAGES = {
  endpointing_ms: 180,
  asr_ms: 90,
  llm_first_token_ms: 210,
  tts_first_audio_ms: 160,
  total_ms: 640,
};
const SPOKE_S = BEGAN_MS / 1000 + 16;

/** The turn of these calls, as the agent tells of it (parley/room_events.py). */
export const TURN = {
  type: "turn",
  turn: 1,
  stages: STAGES,
  filler: false,
  at_s: SPOKE_S + 0.64,
  moments: {
    speech_ended_s: SPOKE_S,
    pause_noticed_s: SPOKE_S + 0.06,
    text_s: SPOKE_S + 0.15,
    begun_s: SPOKE_S + 0.15,
    turn_ended_s: SPOKE_S + 0.27,
    first_token_s: SPOKE_S + 0.46,
    first_clause_s: SPOKE_S + 0.5,
    tts_asked_s: SPOKE_S + 0.5,
    first_audio_s: SPOKE_S + 0.62,
  },
} as const;

const LIVE: CallState = {
  ...IDLE,
  phase: "live",
  agent: "listening",
  microphone: "on",
  quality: "excellent",
  recording: "audio",
  transcript: TALK,
  voice: "piper-en-us-joe-medium",
  turn: STAGES,
};
const FIRST_MOMENT: CallState = { ...LIVE, transcript: [], turn: null, recording: "" };

/** What each shows: a call put in this state, or a control that is pressed in it. */
export interface Shown {
  readonly state: CallState;
  /** The accessible name of a button that is pressed before it is looked at. */
  readonly pressed?: string;
}

export const STATES: Readonly<Record<string, Shown>> = {
  before: { state: IDLE },
  asking: { state: { ...IDLE, phase: "starting", asksMicrophone: true } },
  refused: {
    state: {
      ...IDLE,
      problem: {
        code: "microphone_refused",
        title: "The microphone is not allowed",
        detail: "Allow it for this page in the browser's address bar, then call again.",
        remedies: ["call-again", "type-instead"],
      },
    },
  },
  connecting: { state: { ...FIRST_MOMENT, phase: "waiting", agent: "initializing" } },
  full: {
    state: {
      ...IDLE,
      phase: "starting",
      retryAt: BEGAN_MS, // in a while, when it is shown
      problem: {
        code: "at_capacity",
        title: "All agents are in a call",
        detail: "Yours begins by itself as soon as one is free.",
        remedies: [],
      },
    },
  },
  listening: { state: { ...LIVE, personSpeaks: true } },
  thinking: { state: { ...LIVE, agent: "thinking", floor: "thinking" } },
  speaking: { state: { ...LIVE, agent: "speaking", floor: "speaking", transcript: SPOKEN } },
  interrupted: { state: { ...LIVE, floor: "yielded", personSpeaks: true, transcript: CUT } },
  typed: { state: { ...LIVE, microphone: "off", recording: "", transcript: TYPED } },
  reconnecting: { state: { ...LIVE, phase: "reconnecting", quality: "lost" } },
  offer: {
    state: {
      ...LIVE,
      phase: "reconnecting",
      quality: "lost",
      problem: {
        code: "still_lost",
        title: "The connection is not coming back",
        detail: "Still trying. If you have a network, call again.",
        remedies: ["call-again"],
      },
    },
  },
  ended: {
    state: {
      ...IDLE,
      turn: LIVE.turn,
      voice: LIVE.voice,
      session: "s-staged",
      records: ["20261128T090507-0123456789abcdef"],
      transcript: CUT.map((each) =>
        each.status === "interim" ? { ...each, status: "final" as const } : each,
      ),
    },
  },
  error: {
    state: {
      ...LIVE,
      problem: {
        code: "llm_unavailable",
        title: "Something went wrong",
        detail: "The language model does not answer.",
        remedies: [],
      },
    },
  },
  settings: { state: LIVE, pressed: "Settings" },
};

/** A call of which nothing has been seen or heard yet, and what comes in it first. */
export const FIRSTS: Readonly<Record<string, Partial<CallState>>> = {
  moment: FIRST_MOMENT,
  words: { transcript: SPOKEN },
  figure: { turn: LIVE.turn },
  banner: { problem: STATES.error?.state.problem ?? null },
  recorded: { recording: "audio" },
  suggestions: { suggestions: ["Yes, please", "No, thank you", "Something else altogether"] },
  muted: { microphone: "muted" },
  lost: { phase: "reconnecting", quality: "lost" },
  offered: { problem: STATES.offer?.state.problem ?? null },
};
