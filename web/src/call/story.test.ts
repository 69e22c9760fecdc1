import { expect, test } from "vitest";
import { type CallState, IDLE } from "./state";
import {
  LINES_KEPT,
  NOTHING_TOLD,
  readEvent,
  Story,
  type StoryState,
  withEvent,
  withState,
} from "./story";

const bytes = (value: object | string) =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

function told(...events: object[]): StoryState {
  return events.reduce<StoryState>((so_far, each) => {
    const event = readEvent(bytes(each));
    return event ? withEvent(so_far, event, 1000) : so_far;
  }, NOTHING_TOLD);
}

const TYPED = {
  type: "turn",
  turn: 1,
  filler: false,
  at_s: 10.5,
  stages: { total_ms: 500 },
  moments: { begun_s: 10, first_token_s: 10.2, first_audio_s: 10.4 },
};
const BEGAN = {
  type: "tool_started",
  call_id: "a",
  name: "order",
  arguments: { n: 4 },
  at_s: 10.1,
};
const ENDED = {
  type: "tool",
  call_id: "a",
  name: "order",
  arguments: { n: 4 },
  outcome: "done",
  result: "shipped",
  at_s: 10.15,
  took_ms: 50,
};

test("a tool is seen as it runs and as it has ended, with what it was asked and answered", () => {
  const running = told(BEGAN).tools;
  expect(running.map(({ name, outcome }) => [name, outcome])).toEqual([["order", "running"]]);
  const { tools, turns } = told(BEGAN, ENDED, TYPED);
  expect(tools.length).toBe(1);
  expect(tools[0]).toMatchObject({ outcome: "done", result: "shipped", took_ms: 50 });
  expect(JSON.parse(tools[0]?.arguments ?? "")).toEqual({ n: 4 });
  expect(turns[0]?.parts.map(({ key }) => key)).toEqual([
    "thought",
    "tools",
    "thought",
    "voice",
    "elsewhere",
  ]);
});

test("a call with the id of an earlier one is another run; what waited is told again", () => {
  const again = told(BEGAN, ENDED, BEGAN).tools;
  expect(again.map(({ outcome }) => outcome)).toEqual(["done", "running"]);
  expect(new Set(again.map(({ key }) => key)).size).toBe(2);
  const pending = { ...ENDED, outcome: "pending" };
  expect(told(pending, ENDED).tools.map(({ outcome }) => outcome)).toEqual(["done"]);
  expect(told({ ...ENDED, outcome: "failed" }).tools.map(({ outcome }) => outcome)).toEqual([
    "failed",
  ]);
});

test("arguments that the application keeps to itself are none", () => {
  expect(told({ ...BEGAN, arguments: {} }).tools[0]?.arguments).toBe("");
});

test("an answer takes the place of the filler before it, and other turns stay", () => {
  const filler = { ...TYPED, turn: 2, filler: true };
  const { turns } = told(TYPED, filler, { ...TYPED, turn: 2, at_s: 12 });
  expect(turns.map(({ turn, total_ms }) => [turn, Math.round(total_ms)])).toEqual([
    [1, 500],
    [2, 2000],
  ]);
  expect(turns.every(({ typed }) => typed)).toBe(true);
});

test("the log has every event in the order in which it came, and forgets the oldest", () => {
  const { log } = told(BEGAN, { type: "weather" }, { type: "error", message: "no voice" }, TYPED);
  expect(log.map(({ kind, words }) => [kind, words])).toEqual([
    ["tool_started", "order"],
    ["weather", ""],
    ["error", "no voice"],
    ["turn", "1: 500 ms"],
  ]);
  expect(JSON.parse(log[0]?.details ?? "")).toEqual(BEGAN);
  const many = told(...Array.from({ length: LINES_KEPT + 5 }, () => ({ type: "weather" })));
  expect(many.log.length).toBe(LINES_KEPT);
  expect(many.log.at(-1)?.key).toBe(LINES_KEPT + 5);
});

test("what is no event is ignored", () => {
  expect(readEvent(bytes("turn"))).toBeNull();
  expect(readEvent(bytes("[1]"))).toBeNull();
  expect(readEvent(bytes('{"type":7}'))).toBeNull();
  expect(readEvent(new Uint8Array([0xff, 0xfe]))).toBeNull();
  expect(told({ type: "turn", turn: "x" }).turns).toEqual([]);
});

test("changes of the call are noted, and what does not concern the log is not", () => {
  const live: CallState = { ...IDLE, phase: "live", agent: "listening" };
  const noted = withState(NOTHING_TOLD, IDLE, live, 5);
  expect(noted.log.map(({ kind, words }) => [kind, words])).toEqual([
    ["connection", "live"],
    ["agent", "listening"],
  ]);
  expect(withState(noted, live, { ...live, personSpeaks: true }, 6)).toBe(noted);
});

test("a call that begins knows nothing of the one before", () => {
  let state: CallState = IDLE;
  const listeners = new Set<() => void>();
  const call = {
    get state() {
      return state;
    },
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const change = (next: CallState) => {
    state = next;
    for (const listener of listeners) listener();
  };
  const story = new Story();
  story.follow(call);
  change({ ...IDLE, phase: "live" });
  story.take(bytes(TYPED));
  change(IDLE);
  expect(story.state.turns.length).toBe(1); // to be read after the call
  change({ ...IDLE, phase: "starting" });
  expect(story.state.turns).toEqual([]);
  expect(story.state.log.map(({ words }) => words)).toEqual(["starting"]);
});
