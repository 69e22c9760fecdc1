/** What the agent has told of a call beside its words: turns, tools, and a log of all events. */

import type { CallState } from "./state";
import {
  type TimedTurn,
  type ToolSpan,
  type TurnMoments,
  type Waterfall,
  waterfallOf,
} from "./waterfall";

/** So many turns and tool runs are remembered, and so many lines of the log. */
export const TURNS_KEPT = 20;
export const TOOLS_KEPT = 50;
export const LINES_KEPT = 300;

export interface ToolRun {
  /** Of the page: a model may give two calls the same id. */
  readonly key: number;
  readonly callId: string;
  readonly name: string;
  /** As JSON; empty: there are none, or the application keeps them to itself. */
  readonly arguments: string;
  /** running, or how it ended: done, failed, cancelled, refused, pending. */
  readonly outcome: string;
  readonly result: string;
  readonly began_s: number | null;
  readonly took_ms: number | null;
}

export interface LogLine {
  readonly key: number;
  /** ms since 1970 on this page's clock. */
  readonly at: number;
  readonly kind: string;
  readonly words: string;
  /** The event as it came, as JSON; empty: the page itself has noticed it. */
  readonly details: string;
}

export interface StoryState {
  readonly turns: readonly Waterfall[];
  readonly tools: readonly ToolRun[];
  readonly log: readonly LogLine[];
}

export const NOTHING_TOLD: StoryState = { turns: [], tools: [], log: [] };

type Event = Readonly<Record<string, unknown>> & { readonly type: string };

/** The event in a data packet, whatever it tells; null for what is none. */
export function readEvent(payload: Uint8Array): Event | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    const isEvent = typeof value === "object" && value !== null && "type" in value;
    return isEvent && typeof value.type === "string" ? (value as Event) : null;
  } catch {
    return null;
  }
}

/** Takes in an event that came `at`, in ms since 1970 on this page's clock. */
export function withEvent(told: StoryState, event: Event, at: number): StoryState {
  const log = withLine(told.log, {
    at,
    kind: event.type,
    words: wordsOf(event),
    details: JSON.stringify(event, null, 2),
  });
  switch (event.type) {
    case "turn":
      return { ...told, log, turns: withTurn(told.turns, event, told.tools) };
    case "tool_started":
    case "tool":
      return { ...told, log, tools: withTool(told.tools, event) };
    default:
      return { ...told, log };
  }
}

/** What the page itself sees of the call goes to the log too. */
export function withState(
  told: StoryState,
  before: CallState,
  now: CallState,
  at: number,
): StoryState {
  let { log } = told;
  const note = (kind: string, words: string) => {
    log = withLine(log, { at, kind, words, details: "" });
  };
  if (now.phase !== before.phase) note("connection", now.phase);
  if (now.phase === "live" && now.agent !== before.agent) note("agent", now.agent);
  if (now.microphone !== before.microphone) note("microphone", now.microphone);
  if (now.quality !== before.quality) note("quality", now.quality);
  if (now.problem && now.problem !== before.problem) note("problem", now.problem.title);
  return log === told.log ? told : { ...told, log };
}

function withLine(log: readonly LogLine[], line: Omit<LogLine, "key">): readonly LogLine[] {
  const key = (log.at(-1)?.key ?? 0) + 1;
  return [...log, { key, ...line }].slice(-LINES_KEPT);
}

/** A turn that began with a filler is told again with its answer, which counts. */
function withTurn(
  turns: readonly Waterfall[],
  event: Event,
  tools: readonly ToolRun[],
): readonly Waterfall[] {
  const timed = timedTurn(event);
  const waterfall = timed && waterfallOf(timed, spansOf(tools));
  if (!waterfall) return turns;
  const last = turns.at(-1);
  const before = last?.filler && last.turn === waterfall.turn ? turns.slice(0, -1) : turns;
  return [...before, waterfall].slice(-TURNS_KEPT);
}

function spansOf(tools: readonly ToolRun[]): readonly ToolSpan[] {
  return tools.flatMap(({ began_s, took_ms }) =>
    began_s === null || took_ms === null
      ? []
      : [{ from_s: began_s, to_s: began_s + took_ms / 1000 }],
  );
}

function withTool(tools: readonly ToolRun[], event: Event): readonly ToolRun[] {
  const callId = textOf(event.call_id);
  const at_s = numberOf(event.at_s);
  const took_ms = numberOf(event.took_ms);
  const run: ToolRun = {
    key: (tools.at(-1)?.key ?? 0) + 1,
    callId,
    name: textOf(event.name),
    arguments: argumentsOf(event.arguments),
    outcome: event.type === "tool" ? textOf(event.outcome) : "running",
    result: textOf(event.result),
    began_s: took_ms === null || at_s === null ? at_s : at_s - took_ms / 1000,
    took_ms,
  };
  const open = tools.findLastIndex(
    (each) => each.callId === callId && (each.outcome === "running" || each.outcome === "pending"),
  );
  const begun = tools[open];
  if (event.type === "tool_started" || !begun) return [...tools, run].slice(-TOOLS_KEPT);
  return tools.with(open, { ...run, key: begun.key, began_s: begun.began_s ?? run.began_s });
}

function argumentsOf(value: unknown): string {
  const isEmpty = typeof value !== "object" || value === null || Object.keys(value).length === 0;
  return isEmpty ? "" : JSON.stringify(value, null, 2);
}

function timedTurn(event: Event): TimedTurn | null {
  const turn = numberOf(event.turn);
  const at_s = numberOf(event.at_s);
  if (turn === null || at_s === null) return null;
  const told = typeof event.moments === "object" && event.moments !== null ? event.moments : {};
  const moment = (key: keyof TurnMoments) => numberOf((told as Record<string, unknown>)[key]);
  return {
    turn,
    at_s,
    filler: event.filler === true,
    moments: {
      speech_ended_s: moment("speech_ended_s"),
      pause_noticed_s: moment("pause_noticed_s"),
      text_s: moment("text_s"),
      begun_s: moment("begun_s"),
      first_token_s: moment("first_token_s"),
      first_clause_s: moment("first_clause_s"),
      tts_asked_s: moment("tts_asked_s"),
      first_audio_s: moment("first_audio_s"),
      turn_ended_s: moment("turn_ended_s"),
    },
  };
}

/** An event in a few words, for a line of the log. */
function wordsOf(event: Event): string {
  switch (event.type) {
    case "turn": {
      const stages = event.stages as { total_ms?: unknown } | null | undefined;
      const total_ms = numberOf(stages?.total_ms);
      return `${textOf(event.turn)}${total_ms === null ? "" : `: ${Math.round(total_ms)} ms`}`;
    }
    case "floor":
      return textOf(event.floor);
    case "interrupted":
      return textOf(event.heard);
    case "error":
      return textOf(event.message);
    case "tool_started":
      return textOf(event.name);
    case "tool":
      return `${textOf(event.name)}: ${textOf(event.outcome)}`;
    case "approval":
      return textOf(event.tool);
    case "progress":
      return textOf(event.message);
    case "clarification":
      return textOf(event.question);
    case "results":
      return textOf(event.total);
    default:
      return "";
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

interface Followed {
  readonly state: CallState;
  subscribe(listener: () => void): () => void;
}

/** Keeps what is told in one call after the other; each call begins with nothing. */
export class Story {
  #state = NOTHING_TOLD;
  readonly #listeners = new Set<() => void>();

  /** Notes what the call itself goes through; the answer ends it. */
  follow(call: Followed): () => void {
    let before = call.state;
    return call.subscribe(() => {
      const now = call.state;
      const begins = before.phase === "idle" && now.phase !== "idle";
      this.#set(withState(begins ? NOTHING_TOLD : this.#state, before, now, Date.now()));
      before = now;
    });
  }

  get state(): StoryState {
    return this.#state;
  }

  /** A data packet with an event of the agent. */
  take(payload: Uint8Array): void {
    const event = readEvent(payload);
    if (event) this.#set(withEvent(this.#state, event, Date.now()));
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #set(state: StoryState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}
