import { expect, test } from "vitest";
import type { Problem } from "./problems";
import { isOver, turnOf } from "./recovery";

const STAGES = {
  endpointing_ms: null,
  asr_ms: null,
  llm_first_token_ms: 200,
  tts_first_audio_ms: 90,
  total_ms: 900,
};
const told = (turn: number, filler = false) => ({ turn, filler, stages: STAGES });
const heard = (turn: number) => ({ turn, filler: false, stages: { ...STAGES, asr_ms: 120 } });
const problem = (code: string): Problem => ({ code, title: "", detail: "", remedies: [] });

test("a problem is over with the answer to a later turn, not with its apology", () => {
  const before = { problem: problem("llm_unavailable"), turn: turnOf(3, "thinking") };
  expect([told(4, true), told(4), told(5, true), told(5)].map((t) => isOver(before, t))).toEqual([
    false,
    false,
    false,
    true,
  ]);
  const amid = { problem: problem("llm_unavailable"), turn: turnOf(3, "speaking") };
  expect(isOver(amid, told(3))).toBe(false);
  expect(isOver(amid, told(4))).toBe(true);
});

test("that the agent hears again is shown by what it has heard, not by what was typed", () => {
  const deaf = { problem: problem("asr_unavailable"), turn: turnOf(2, "listening") };
  expect(isOver(deaf, told(3))).toBe(false);
  expect(isOver(deaf, heard(3))).toBe(true);
});
