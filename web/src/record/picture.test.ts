import { expect, test } from "vitest";
import type { Turn } from "./api";
import { clock, loudness, outline, pictureOf, unheard } from "./picture";

const TURN: Turn = {
  id: "t",
  at_s: 12,
  person: "What?",
  made: "One. Two.",
  heard: "One.",
  interrupted: true,
  ended: true,
  ended_at_s: 14,
  stages: { total_ms: 900 },
  marks: {
    spoke_from_s: 10,
    speech_ended_s: 11,
    text_s: 11.2,
    turn_ended_s: 11.4,
    begun_s: 11.2,
    first_token_s: 11.5,
    tts_asked_s: 11.6,
    first_audio_s: 11.8,
    sounded_s: 11.9,
  },
  filler_marks: null,
  over_ms: 250,
  tools: [{ name: "look_up", outcome: "done", at_s: 11.5, took_s: 0.2 }],
};

test("stages stand one beneath the other on one time axis, tools with them", () => {
  const picture = pictureOf(TURN, 650);
  expect(picture?.bars.map(({ label }) => label)).toEqual([
    "recognition",
    "end of turn",
    "first word",
    "first sound",
    "look_up",
  ]);
  expect(picture?.from_s).toBeCloseTo(10.4);
  expect(picture?.due_s).toBeCloseTo(11.65);
});

test("a greeting answers nobody and has no picture", () => {
  expect(pictureOf({ ...TURN, marks: null }, 650)).toBeNull();
});

test("what was not heard is what was made less what was heard", () => {
  expect(unheard(TURN)).toBe(" Two.");
  expect(unheard({ ...TURN, interrupted: false })).toBe("");
  expect(unheard({ ...TURN, heard: "Something else." })).toBe("");
});

test("loudness is of the stretch that is asked for, and silent beyond the sound", () => {
  const peaks = Uint8Array.from([0, 255, 0, 0, 255, 0]);
  const call = { audio_began_at_s: 100, peak_s: 0.05 };
  expect(loudness(peaks, 1, call, 99.95, 100.2, 255)).toEqual([0, 1, 0, 0, 0]);
  expect(loudness(peaks, 0, { ...call, audio_began_at_s: null }, 100, 101, 255)).toEqual([]);
});

test("an outline closes on its base line", () => {
  expect(outline([1, 0])).toBe("M0 1L0 0.000L1 0.000L1 1.000L2 1.000L2 1Z");
});

test("times are read as on a clock", () => {
  expect([0, 59.9, 61].map(clock)).toEqual(["0:00", "0:59", "1:01"]);
});
