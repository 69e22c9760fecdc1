/** What the agent tells beside audio and transcripts; mirrors parley/room_events.py. */

import { type Found, productsOf } from "../chat/products";

export const EVENTS_TOPIC = "parley.events";
/** Of the agent's participant, while it records the call. */
export const RECORDING_ATTRIBUTE = "parley.recording";
/** Of the agent's participant: the record of the call, whose sound its caller may fetch. */
export const RECORD_ATTRIBUTE = "parley.record";
/** Of the agent's participant: "kept" where it knows the conversation so far, "new" where none was. */
export const HISTORY_ATTRIBUTE = "parley.history";
export const SET_VOICE_METHOD = "parley.set_voice";

/** Where the time of a turn went, in ms; null where a stage did not take place. */
export interface TurnStages {
  readonly endpointing_ms: number | null;
  readonly asr_ms: number | null;
  readonly llm_first_token_ms: number | null;
  readonly tts_first_audio_ms: number | null;
  readonly total_ms: number | null;
}

const FLOORS = ["quiet", "thinking", "speaking", "ducked", "held", "yielded"] as const;

/**
 * Who has the floor. `ducked`: the agent has turned down at the first sign of speech; `held`: it
 * is silent and keeps its place; `yielded`: the person has it, and the reply is cut.
 */
export type Floor = (typeof FLOORS)[number];

/** The first sound of a reply; a reply that begins with a filler is told again with its answer. */
export interface TurnTold {
  readonly turn: number;
  readonly stages: TurnStages;
  readonly filler: boolean;
}

export type RoomEvent =
  | ({ readonly type: "turn" } & TurnTold)
  | { readonly type: "floor"; readonly floor: Floor }
  | { readonly type: "interrupted"; readonly heard: string }
  | { readonly type: "results"; readonly found: Found }
  | { readonly type: "clarification"; readonly suggestions: readonly string[] }
  /** What an error of the same code told of is over. */
  | { readonly type: "recovered"; readonly code: string }
  | {
      readonly type: "error";
      readonly code: string;
      readonly message: string;
      readonly fatal: boolean;
    };

/** The event in a data packet; null for anything this page does not know. */
export function decodeRoomEvent(payload: Uint8Array): RoomEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const event = value as Record<string, unknown>;
  switch (event.type) {
    case "turn":
      return typeof event.turn === "number" && typeof event.stages === "object" && event.stages
        ? {
            type: "turn",
            turn: event.turn,
            stages: stagesOf(event.stages),
            filler: event.filler === true,
          }
        : null;
    case "floor": {
      const floor = FLOORS.find((known) => known === event.floor);
      return floor ? { type: "floor", floor } : null;
    }
    case "interrupted":
      return { type: "interrupted", heard: typeof event.heard === "string" ? event.heard : "" };
    case "results": {
      const products = productsOf(event.items);
      const total = typeof event.total === "number" ? event.total : products.length;
      return { type: "results", found: { products, total } };
    }
    case "clarification": {
      const suggestions = Array.isArray(event.suggestions) ? event.suggestions.map(String) : [];
      return { type: "clarification", suggestions };
    }
    case "recovered":
      return typeof event.code === "string" ? { type: "recovered", code: event.code } : null;
    case "error":
      return typeof event.code === "string" && typeof event.message === "string"
        ? { type: "error", code: event.code, message: event.message, fatal: event.fatal === true }
        : null;
    default:
      return null;
  }
}

function stagesOf(value: object): TurnStages {
  const stages = value as Record<string, unknown>;
  const ms = (key: keyof TurnStages) => {
    const figure = stages[key];
    return typeof figure === "number" && Number.isFinite(figure) && figure >= 0 ? figure : null;
  };
  return {
    endpointing_ms: ms("endpointing_ms"),
    asr_ms: ms("asr_ms"),
    llm_first_token_ms: ms("llm_first_token_ms"),
    tts_first_audio_ms: ms("tts_first_audio_ms"),
    total_ms: ms("total_ms"),
  };
}
