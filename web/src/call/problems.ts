/** What can go wrong in a call, each in one sentence a visitor understands and can act on. */

import { ConnectionError, ConnectionErrorReason, DisconnectReason, RpcError } from "livekit-client";
import { GatewayError } from "./gateway";
import { howToAllow } from "./microphoneHelp";
import { logDetails, plain } from "./plain";

export interface Problem {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** What the person can do beside dismissing it. */
  readonly remedies: readonly Remedy[];
}

/** `go-on`: a new call that goes on with the conversation. */
export type Remedy = "call-again" | "go-on" | "type-instead" | "use-microphone" | "hear";

type Words = readonly [title: string, detail: string];

function problem(code: string, [title, detail]: Words, ...remedies: Remedy[]): Problem {
  return { code, title, detail, remedies };
}

// --- the microphone

/** Codes of `microphoneProblem`: over as soon as the microphone is on. */
export const MICROPHONE_CODES: readonly string[] = [
  "insecure",
  "microphone_refused",
  "no_microphone",
  "microphone_busy",
  "microphone_failed",
];

/** A call that cannot begin without its microphone. */
export function microphoneProblem(error: unknown, secure: boolean, browser: string): Problem {
  const found = microphoneFault(error, secure, browser);
  const remedies: Remedy[] =
    found.code === "insecure" ? ["type-instead"] : ["call-again", "type-instead"];
  return { ...found, remedies };
}

/** The same in a call, which goes on as it is: typed, or with the microphone that it has. */
export function microphoneProblemInCall(error: unknown, secure: boolean, browser: string): Problem {
  const found = microphoneFault(error, secure, browser);
  const goesOn = "Meanwhile the call goes on, and you can type.";
  return {
    ...found,
    detail: found.code === "insecure" ? found.detail : `${found.detail} ${goesOn}`,
    remedies: found.code === "insecure" ? [] : ["use-microphone"],
  };
}

function microphoneFault(error: unknown, secure: boolean, browser: string): Problem {
  logDetails("microphone", error);
  if (!secure) {
    const detail =
      "Browsers allow it only on secure (encrypted) addresses and on this machine itself. " +
      "You can type instead.";
    return problem("insecure", ["The microphone needs a secure address", detail]);
  }
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return problem("microphone_refused", ["The microphone is not allowed", howToAllow(browser)]);
    case "NotFoundError":
    case "OverconstrainedError":
      return problem("no_microphone", [
        "No microphone was found",
        "Plug one in, or choose another in the settings.",
      ]);
    case "NotReadableError":
    case "AbortError":
      return problem("microphone_busy", [
        "The microphone cannot be opened",
        "Another program may hold it. Close that, or choose another microphone.",
      ]);
    default:
      return problem("microphone_failed", [
        "The microphone failed",
        "Choose another in the settings, or load the page again.",
      ]);
  }
}

// --- a call that could not begin

const REFUSED: Words = ["The call was refused", "Whoever runs this Parley has to look at it."];
const REFUSALS: Readonly<Record<string, Words>> = {
  unreachable: ["Parley does not answer", "It is not running, or this device has no network."],
  speech_unavailable: ["Parley has no voice right now", "Try again in a moment."],
  rate_limited: ["Too many calls from here", "Try again in a minute."],
  budget_spent: ["Enough calls for now", "Try again tomorrow."],
  unknown_voice: ["The chosen voice is no longer there", "Choose another in the settings."],
  unknown_app: ["There is no such agent here", "The address of this page asks for another."],
  unknown_agent: ["There is no such agent here", "The address of this page asks for another."],
  unknown_character: ["That character is no longer there", "Choose another before the call."],
  instructions_not_allowed: ["Parley keeps its own instructions here", "Call without yours."],
  unknown_session: ["The conversation cannot be found again", "Start a new call."],
  unknown_host: ["This address is not allowed", "Whoever runs this Parley has to list its name."],
  foreign_page: ["This page may not call", "Whoever runs this Parley has to allow it."],
  invalid_request: REFUSED,
  not_json: REFUSED,
  body_too_large: REFUSED,
  internal_error: ["Parley failed", "Try again in a moment."],
  bad_answer: ["Parley cannot be understood", "Load the page again, or try again in a moment."],
};

/** Every code of `startProblem` that the gateway sends, and those that the page makes of it. */
export const REFUSAL_CODES: readonly string[] = Object.keys(REFUSALS);

function inWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}

/** A call that could not begin. */
export function startProblem(error: unknown): Problem {
  logDetails("start", error);
  if (error instanceof GatewayError) {
    const [title, detail] = REFUSALS[error.code] ?? REFUSED;
    const { retryAfterS } = error;
    const wait = retryAfterS === null ? detail : `Try again in ${inWords(retryAfterS)}.`;
    const code = error.code === "unreachable" ? "gateway_unreachable" : error.code;
    return problem(code, [title, wait], "call-again");
  }
  if (error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed) {
    const detail = "The media server does not know this Parley, or their clocks differ.";
    return problem("token_refused", ["The call was refused", detail], "call-again");
  }
  return problem(
    "livekit_unreachable",
    [
      "The call cannot connect",
      "The media server cannot be reached from here: it is down, or a network is in the way.",
    ],
    "call-again",
  );
}

/** Of a call for which there is no room now: it is tried again. Null for any other refusal. */
export function noRoomProblem(error: unknown): Problem | null {
  switch (error instanceof GatewayError ? error.code : "") {
    case "at_capacity":
      return problem("at_capacity", [
        "All agents are in a call",
        "Yours begins by itself as soon as one is free.",
      ]);
    case "no_agent":
      return problem("no_agent_runs", [
        "No agent is running",
        "Your call begins by itself as soon as one is.",
      ]);
    default:
      return null;
  }
}

// --- a call that runs

export const NO_AGENT = problem(
  "no_agent",
  ["No agent has joined yet", "Still waiting. All agents may be busy."],
  "call-again",
);

export const AGENT_LEFT = problem(
  "agent_left",
  ["The agent is away", "Waiting for it to come back, or for another."],
  "go-on",
);

/** The connection has been away for long: calling again is the person's choice, we go on trying. */
export const STILL_LOST = problem(
  "still_lost",
  ["The connection is not coming back", "Still trying. If you have a network, call again."],
  "go-on",
);

export const AUDIO_BLOCKED = problem(
  "audio_blocked",
  ["The browser holds the sound back", "It wants a click before it plays anything."],
  "hear",
);

const ENDED_BY_AGENT = problem(
  "ended_by_agent",
  ["The agent ended the call", "What was said stays here until the next call."],
  "call-again",
);

/** Ends of a call after which nobody tries to come back by itself. */
const ENDS: ReadonlyMap<DisconnectReason, Problem | null> = new Map<
  DisconnectReason,
  Problem | null
>([
  [DisconnectReason.CLIENT_INITIATED, null],
  ...[
    DisconnectReason.ROOM_DELETED,
    DisconnectReason.ROOM_CLOSED,
    DisconnectReason.PARTICIPANT_REMOVED,
  ].map((reason) => [reason, ENDED_BY_AGENT] as const),
  [
    DisconnectReason.DUPLICATE_IDENTITY,
    problem(
      "elsewhere",
      ["The call went on elsewhere", "Another page joined it in this page's place."],
      "call-again",
    ),
  ],
]);

/** Whether the call has ended, and was not merely lost. */
export function hasEnded(reason: DisconnectReason | undefined): boolean {
  return reason !== undefined && ENDS.has(reason);
}

/** A call that ended by itself; null when it ended as it should. */
export function endProblem(reason: DisconnectReason | undefined): Problem | null {
  const known = reason === undefined ? undefined : ENDS.get(reason);
  if (known !== undefined) return known;
  return problem(
    "connection_lost",
    ["The connection was lost", "A new call goes on where this one was."],
    "go-on",
  );
}

// As agent/room/voices.py answers.
const VOICE_NOT_FOUND = 404;
const TOO_MANY_CHANGES = 429;

export function voiceProblem(error: unknown, voice: string): Problem {
  logDetails(`voice ${voice}`, error);
  const refusal = error instanceof RpcError ? error.code : 0;
  switch (refusal) {
    case RpcError.ErrorCode.UNSUPPORTED_METHOD:
      return problem("voice_later", [
        "The voice comes with the next call",
        "This agent cannot change its voice during a call.",
      ]);
    case VOICE_NOT_FOUND:
      return problem("voice_failed", [
        "That voice is not there",
        "The agent goes on with the voice it has.",
      ]);
    case TOO_MANY_CHANGES:
      return problem("voice_failed", [
        "Too many changes of the voice",
        "Wait a few seconds, then choose again.",
      ]);
    default:
      return problem("voice_failed", [
        "That voice cannot be used now",
        "The agent goes on with the voice it has.",
      ]);
  }
}

/** A voice that was wished for with the call, and is not there. */
export const VOICE_GONE = problem("voice_gone", [
  "The chosen voice is no longer there",
  "Parley speaks in its usual one.",
]);

export function messageProblem(error: unknown): Problem {
  logDetails("message", error);
  return problem("message_failed", [
    "The message was not sent",
    "Send it again once the connection is there.",
  ]);
}

// --- what the agent tells of

const MODEL_REFUSES: Words = [
  "Parley cannot answer",
  "Its language model refuses to work. Whoever runs this Parley has to look at it.",
];
const AGENT_ERRORS: Readonly<Record<string, Words>> = {
  asr_unavailable: ["Parley cannot hear you", "Until it can again, you can type."],
  tts_unavailable: ["Parley's voice is away", "Its answers come as text until it is back."],
  llm_unavailable: ["Parley cannot answer right now", "Its language model is away. Ask again."],
  model_unauthorized: MODEL_REFUSES,
  model_not_found: MODEL_REFUSES,
  model_quota: MODEL_REFUSES,
  model_refused: ["Parley cannot answer that", "Its language model refuses to. Ask otherwise."],
  model_limit: ["The answer was cut off", "It was too long. Ask for the rest."],
  model_no_answer: ["No answer came", "Ask again, maybe in other words."],
  engine_failed: ["The agent failed", "Ask again in a moment."],
  voice_unavailable: ["The chosen voice is away", "Parley speaks in its usual one."],
  recording_stopped: ["The recording has stopped", "The call goes on without it."],
  too_many_messages: ["Too many messages at once", "Wait a few seconds before the next."],
  budget_spent: ["Enough messages for now", "Speak instead, or write again later."],
  text_too_long: ["The message was too long", "Only its beginning was read."],
};

/** Codes that the agent sends and this page has words for. */
export const AGENT_ERROR_CODES: readonly string[] = Object.keys(AGENT_ERRORS);

/** What the agent complains of; an app's own words are shown where they are plain. */
export function agentProblem(code: string, message: string, fatal: boolean): Problem {
  logDetails(`agent ${code}`, message);
  const own: Words = ["Something went wrong", plain(message, "Ask again in a moment.")];
  const [title, detail] = AGENT_ERRORS[code] ?? own;
  if (!fatal) return problem(code, [title, detail]);
  return problem(code, ["The call cannot go on", detail], "call-again");
}
