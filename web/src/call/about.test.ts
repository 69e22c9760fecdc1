import { expect, test } from "vitest";
import { keptText, placeOf } from "./about";

const PART = { model: "qwen", engine: "", here: true, ok: true };

test.each([
  [
    { words_days: 30, record: "", record_days: 30 },
    "What is said is kept as text for 30 days; no sound is kept.",
  ],
  [
    { words_days: null, record: "audio", record_days: 1 },
    "What is said is forgotten when Parley stops; calls are recorded, and the sound is kept for a day.",
  ],
  [
    { words_days: 0, record: "text", record_days: 7 },
    "What is said is kept as text for good; a written record is kept for 7 days.",
  ],
] as const)("what is kept is one line: %o", (kept, line) => {
  expect(keptText(kept)).toBe(line);
});

test("this machine is the visitor's only where the page comes from it", () => {
  expect(placeOf(PART, "localhost")).toBe("runs on this machine");
  expect(placeOf(PART, "parley.example.org")).toBe("runs on Parley's own machine");
  expect(placeOf({ ...PART, here: false }, "localhost")).toBe("");
});
