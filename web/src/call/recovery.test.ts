import { expect, test } from "vitest";
import {
  AGENT_ERROR_CODES,
  AGENT_LEFT,
  AUDIO_BLOCKED,
  MICROPHONE_CODES,
  NO_AGENT,
  type Problem,
  STILL_LOST,
  VOICE_GONE,
} from "./problems";
import { after, isEndedByRecovery, isOver, turnOf } from "./recovery";

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

test.each(AGENT_ERROR_CODES)("what the agent complains of is over in time: %s", (code) => {
  expect(isOver({ problem: problem(code), turn: 1 }, heard(2))).toBe(true);
});

test.each([
  NO_AGENT.code,
  AGENT_LEFT.code,
  STILL_LOST.code,
  AUDIO_BLOCKED.code,
  VOICE_GONE.code,
  ...MICROPHONE_CODES,
  ...["at_capacity", "no_agent_runs", "voice_failed", "voice_later", "message_failed"],
])("no banner of a call outlives its cause: %s", (code) => {
  expect(isEndedByRecovery(code)).toBe(true);
});

test("a recovery ends what it is one of, and leaves what else there is", () => {
  expect(after("line-is-back", STILL_LOST)).toBeNull();
  expect(after("agent-is-there", AGENT_LEFT)).toBeNull();
  expect(after("agent-is-there", STILL_LOST)).toBe(STILL_LOST);
  expect(after("microphone-is-on", problem("microphone_refused"))).toBeNull();
  expect(after("line-is-back", null)).toBeNull();
});
