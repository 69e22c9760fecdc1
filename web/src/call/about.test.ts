import { expect, test } from "vitest";
import { type About, healthText, isWell, keptText, placeOf } from "./about";

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

test("ready is what can begin and answers; who was not asked is not missed", () => {
  const about: About = {
    status: "healthy",
    ear: null,
    mind: { ...PART, ok: null },
    voice: PART,
    questions: [],
    characters: [],
    instructions: { allowed: false, longest: 2000, usual: "" },
    kept: { words_days: 30, record: "", record_days: 30 },
  };
  expect(healthText(about)).toBe("Ready for calls");
  const deaf = { ...about, ear: { ...PART, ok: false } };
  expect(isWell(deaf)).toBe(false);
  expect(healthText(deaf)).toContain("does not answer");
  expect(healthText({ ...about, status: "degraded" })).toBe("No call can begin right now");
});
