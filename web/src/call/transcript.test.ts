import { expect, test } from "vitest";
import {
  EMPTY,
  type Heard,
  settled,
  type Transcript,
  withCut,
  withHeard,
  withTyped,
} from "./transcript";

const heard = (change: Partial<Heard>): Heard => ({
  segment: "s1",
  stream: 1,
  speaker: "person",
  text: "hello",
  final: false,
  at_ms: 1000,
  ...change,
});
const after = (...events: Partial<Heard>[]): Transcript =>
  events.map(heard).reduce(withHeard, EMPTY);
const words = (transcript: Transcript) => transcript.map((line) => [line.text, line.status]);

test("a later interim result replaces the earlier one in its place", () => {
  const transcript = after(
    { text: "how far", stream: 1 },
    { segment: "s2", speaker: "agent", text: "Well", stream: 2 },
    { text: "how far is it", stream: 3 },
  );
  expect(words(transcript)).toEqual([
    ["how far is it", "interim"],
    ["Well", "interim"],
  ]);
});

test("the final text replaces the interim text", () => {
  const transcript = after({ text: "how fire" }, { text: "How far?", stream: 2, final: true });
  expect(words(transcript)).toEqual([["How far?", "final"]]);
});

test("an interim result that arrives late changes nothing", () => {
  const transcript = after(
    { text: "how far is", stream: 2 },
    { text: "how", stream: 1 },
    { text: "How far is it?", stream: 4, final: true },
    { text: "how far is it", stream: 3 },
    { text: "how far is it then", stream: 5 },
  );
  expect(words(transcript)).toEqual([["How far is it?", "final"]]);
});

test("an agent's segment grows in one stream and closes", () => {
  const agent = { speaker: "agent", stream: 7 } as const;
  const transcript = after(
    { ...agent, text: "The moon" },
    { ...agent, text: "The moon is far." },
    { ...agent, text: "The moon is far.", final: true },
  );
  expect(words(transcript)).toEqual([["The moon is far.", "final"]]);
});

test("a line keeps the time of its first words", () => {
  const transcript = after(
    { text: "how far", at_ms: 2000 },
    { text: "how far is it", stream: 2, at_ms: 3000 },
    { text: "How far is it?", stream: 3, final: true, at_ms: 4000 },
  );
  expect(transcript.map((line) => line.at_ms)).toEqual([2000]);
});

test("a segment without words makes no line, and one that loses them leaves none", () => {
  expect(after({ text: "  " })).toEqual(EMPTY);
  expect(after({ text: "uh" }, { text: "", stream: 2, final: true })).toEqual(EMPTY);
});

test("an interruption marks the agent's latest line, whether it comes before or after its end", () => {
  const agent = { speaker: "agent", stream: 1, text: "The moon is" } as const;
  const open = after(agent, { segment: "s2", text: "wait", stream: 2 });
  const cutFirst = withHeard(withCut(open, "The moon"), heard({ ...agent, final: true }));
  const cutLast = withCut(withHeard(open, heard({ ...agent, final: true })), "The moon");
  for (const transcript of [cutFirst, cutLast]) {
    expect(words(transcript)).toEqual([
      ["The moon", "cut"],
      ["wait", "interim"],
    ]);
  }
  expect(withCut(EMPTY, "The moon")).toEqual(EMPTY);
  expect(withCut(open, "")).toEqual(open); // what was cut had not been heard yet
});

test("typed words stand beside spoken ones", () => {
  const transcript = withTyped(after({ final: true }), "typed-1", "and this", 5000);
  const line = { text: "and this", typed: true, status: "final", at_ms: 5000 };
  expect(transcript[1]).toMatchObject(line);
});

test("the end of a call leaves nothing interim", () => {
  const transcript = settled(
    withCut(after({ speaker: "agent" }, { segment: "s2", text: "wait" }), "hello"),
  );
  expect(words(transcript)).toEqual([
    ["hello", "cut"],
    ["wait", "final"],
  ]);
});
