/** What can go wrong in a call, in words that say what to do. */

import { ConnectionError, ConnectionErrorReason, DisconnectReason, RpcError } from "livekit-client";
import { GatewayError } from "./gateway";

export interface Problem {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** What the person can do beside dismissing it. */
  readonly remedies: readonly Remedy[];
}

export type Remedy = "call-again" | "type-instead" | "hear";

export function microphoneProblem(error: unknown, secure: boolean): Problem {
  const remedies: Remedy[] = ["call-again", "type-instead"];
  if (!secure) {
    return {
      code: "insecure",
      title: "The microphone needs a secure address",
      detail:
        "Browsers allow it only on https:// addresses and on localhost. You can type instead.",
      remedies: ["type-instead"],
    };
  }
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return {
        code: "microphone_refused",
        title: "The microphone is not allowed",
        detail: "Allow it for this page in the browser's address bar, then call again.",
        remedies,
      };
    case "NotFoundError":
    case "OverconstrainedError":
      return {
        code: "no_microphone",
        title: "No microphone was found",
        detail: "Plug one in or choose another, then call again.",
        remedies,
      };
    case "NotReadableError":
    case "AbortError":
      return {
        code: "microphone_busy",
        title: "The microphone cannot be opened",
        detail: "Another program may hold it. Close that, or choose another microphone.",
        remedies,
      };
    default:
      return {
        code: "microphone_failed",
        title: "The microphone failed",
        detail: messageOf(error),
        remedies,
      };
  }
}

/** A call that could not begin. */
export function startProblem(error: unknown, url: string): Problem {
  const remedies: Remedy[] = ["call-again"];
  if (error instanceof GatewayError) {
    if (error.code === "unreachable") {
      return {
        code: "gateway_unreachable",
        title: "Parley does not answer",
        detail: "Is it running? ./run status tells; ./run up starts it.",
        remedies,
      };
    }
    const title = error.code === "budget_spent" ? "Enough calls for now" : "The call was refused";
    return { code: error.code, title, detail: messageOf(error), remedies };
  }
  if (error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed) {
    return {
      code: "token_refused",
      title: "The call was refused",
      // LiveKit's own words quote the whole token.
      detail:
        "LiveKit did not accept the access token: its keys are not those of the gateway, " +
        "or the clocks of the two differ.",
      remedies,
    };
  }
  return {
    code: "livekit_unreachable",
    title: "The call cannot connect",
    detail: `LiveKit at ${url} cannot be reached. ${messageOf(error)}`,
    remedies,
  };
}

/** Of a call for which there is no room now: it is tried again. Null for any other refusal. */
export function noRoomProblem(error: unknown): Problem | null {
  switch (error instanceof GatewayError ? error.code : "") {
    case "at_capacity":
      return {
        code: "at_capacity",
        title: "All agents are in a call",
        detail: "Yours begins by itself as soon as one is free.",
        remedies: [],
      };
    case "no_agent":
      return {
        code: "no_agent_runs",
        title: "No agent is running",
        detail: "Your call begins by itself when one is; ./run status tells what is missing.",
        remedies: [],
      };
    default:
      return null;
  }
}

export const NO_AGENT: Problem = {
  code: "no_agent",
  title: "No agent has joined yet",
  detail: "Still waiting. All agents may be busy; ./run status tells whether one is running.",
  remedies: ["call-again"],
};

export const AGENT_LEFT: Problem = {
  code: "agent_left",
  title: "The agent has left the call",
  detail: "Waiting for it to come back.",
  remedies: ["call-again"],
};

export const STILL_LOST: Problem = {
  code: "still_lost",
  title: "The connection is not coming back",
  detail: "Still trying. If the network is there, a new call may be quicker.",
  remedies: ["call-again"],
};

export const AUDIO_BLOCKED: Problem = {
  code: "audio_blocked",
  title: "The browser holds the sound back",
  detail: "It wants a click before it plays anything.",
  remedies: ["hear"],
};

/** A call that ended by itself; null when it ended as it should. */
export function endProblem(reason: DisconnectReason | undefined): Problem | null {
  const remedies: Remedy[] = ["call-again"];
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return null;
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
    case DisconnectReason.PARTICIPANT_REMOVED:
      return {
        code: "ended_by_agent",
        title: "The agent ended the call",
        detail: "What was said stays here until the next call.",
        remedies,
      };
    case DisconnectReason.DUPLICATE_IDENTITY:
      return {
        code: "elsewhere",
        title: "The call went on elsewhere",
        detail: "Another page joined it in this page's place.",
        remedies,
      };
    default:
      return {
        code: "connection_lost",
        title: "The connection was lost",
        detail: "It could not be restored. What was said stays here until the next call.",
        remedies,
      };
  }
}

export function voiceProblem(error: unknown, voice: string): Problem {
  if (error instanceof RpcError && error.code === RpcError.ErrorCode.UNSUPPORTED_METHOD) {
    return {
      code: "voice_later",
      title: `The voice ${voice} comes with the next call`,
      detail: "This agent cannot change its voice during a call.",
      remedies: [],
    };
  }
  return {
    code: "voice_failed",
    title: `The voice ${voice} cannot be used`,
    detail: messageOf(error),
    remedies: [],
  };
}

export function messageProblem(error: unknown): Problem {
  return {
    code: "message_failed",
    title: "The message was not sent",
    detail: messageOf(error),
    remedies: [],
  };
}

const TOKEN = /\beyJ[\w-]*\.[\w-]+(\.[\w-]*)?/g;

/** What an error says, as a sentence that begins with a capital; tokens are left out. */
function messageOf(error: unknown): string {
  const words = error instanceof Error && error.message ? error.message : String(error);
  const message = words.replace(TOKEN, "…");
  return message.charAt(0).toUpperCase() + message.slice(1);
}
