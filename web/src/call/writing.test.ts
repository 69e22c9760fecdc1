import { expect, test } from "vitest";
import { EMPTY, type Line, withCut, withTyped } from "./transcript";
import { fileName, timeOfDay, written } from "./writing";

const BEGAN = new Date(2026, 10, 28, 9, 5, 7).getTime();

function line(id: string, speaker: Line["speaker"], text: string, after_s: number): Line {
  const at_ms = BEGAN + after_s * 1000;
  return { id, speaker, text, status: "final", typed: false, at_ms, stream: 1 };
}

test("each line has its time and its speaker, and ends where it was cut", () => {
  const talk = [
    line("a", "agent", "Hello, this is Parley.", 0),
    line("b", "person", "How far is the moon?", 3),
    line("c", "agent", "The moon is on average three hundred thousand", 6),
  ];
  const cut = withCut(talk, "The moon is on average");
  expect(written(withTyped(cut, "d", "in miles", BEGAN + 60_000))).toBe(
    [
      "Parley, 2026-11-28",
      "",
      "[09:05:07] Parley: Hello, this is Parley.",
      "[09:05:10] You: How far is the moon?",
      "[09:05:13] Parley: The moon is on average — (interrupted)",
      "[09:06:07] You (typed): in miles",
      "",
    ].join("\n"),
  );
});

test("nothing said is nothing written", () => {
  expect(written(EMPTY)).toBe("");
});

test("a file is named by when the call began", () => {
  expect(fileName([line("a", "agent", "Hello", 0)])).toBe("parley-2026-11-28-0905");
  expect(timeOfDay(BEGAN)).toBe("09:05:07");
});
