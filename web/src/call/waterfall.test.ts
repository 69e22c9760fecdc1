import { expect, test } from "vitest";
import { rowsOf, type TimedTurn, type TurnMoments, waterfallOf } from "./waterfall";

const NONE: TurnMoments = {
  speech_ended_s: null,
  pause_noticed_s: null,
  text_s: null,
  begun_s: null,
  first_token_s: null,
  first_clause_s: null,
  tts_asked_s: null,
  first_audio_s: null,
  turn_ended_s: null,
};

function turn(at_s: number, moments: Partial<TurnMoments>): TimedTurn {
  return { turn: 1, filler: false, at_s, moments: { ...NONE, ...moments } };
}

const SPOKEN = turn(101, {
  speech_ended_s: 100,
  pause_noticed_s: 100.06,
  text_s: 100.16,
  begun_s: 100.17,
  first_token_s: 100.4,
  first_clause_s: 100.5,
  tts_asked_s: 100.51,
  turn_ended_s: 100.7,
  first_audio_s: 100.6,
});

test("each part is named after what ended it, and they follow one another", () => {
  const waterfall = waterfallOf(SPOKEN);
  expect(waterfall?.typed).toBe(false);
  expect(waterfall?.parts.map(({ key, ms }) => [key, Math.round(ms)])).toEqual([
    ["pause", 60],
    ["recognition", 100],
    ["elsewhere", 10],
    ["thought", 230],
    ["clause", 100],
    ["voice", 100],
    ["turn", 100],
    ["elsewhere", 300],
  ]);
  let place = 0;
  for (const part of waterfall?.parts ?? []) {
    expect(part.from_ms).toBeCloseTo(place);
    place += part.ms;
  }
});

test("parts of one name are one row, and what is left comes last", () => {
  const waterfall = waterfallOf(SPOKEN);
  if (!waterfall) throw new Error("no waterfall");
  const rows = rowsOf(waterfall);
  expect(rows.map(({ key, ms }) => [key, ms]).slice(-2)).toEqual([
    ["turn", 100],
    ["elsewhere", 310],
  ]);
  expect(rows.at(-1)?.parts.length).toBe(2);
});

test("the parts sum to the whole, also in whole milliseconds", () => {
  for (let n = 1; n < 200; n++) {
    const noise = (k: number) => ((n * 7919 * k) % 997) / 997;
    const told = turn(50 + noise(1), {
      speech_ended_s: 50,
      pause_noticed_s: 49.9 + noise(2),
      text_s: 50 + noise(3),
      begun_s: n % 3 ? 50 + noise(4) : null,
      first_token_s: 50 + 2 * noise(5),
      first_clause_s: 50 + noise(6),
      first_audio_s: 50 + noise(7),
      turn_ended_s: n % 2 ? 50 + noise(8) : null,
    });
    const waterfall = waterfallOf(told, [{ from_s: 50.1, to_s: 50.1 + noise(9) }]);
    if (!waterfall) throw new Error("no waterfall");
    const sum = waterfall.parts.reduce((so_far, { ms }) => so_far + ms, 0);
    expect(sum).toBeCloseTo(waterfall.total_ms, 6);
    const rounded = rowsOf(waterfall).reduce((so_far, { ms }) => so_far + ms, 0);
    expect(rounded).toBe(Math.round(waterfall.total_ms));
  }
});

test("a typed turn begins with its answer, and is told as typed", () => {
  const waterfall = waterfallOf(
    turn(10.5, { begun_s: 10, first_token_s: 10.3, first_audio_s: 10.4, turn_ended_s: 10.001 }),
  );
  expect(waterfall?.typed).toBe(true);
  expect(waterfall?.total_ms).toBeCloseTo(500);
  expect(waterfall?.parts.map(({ key }) => key)).toEqual(["turn", "thought", "voice", "elsewhere"]);
});

test("a tool's run is a part of its own, and what came before it was thought", () => {
  const waterfall = waterfallOf(
    turn(20, { speech_ended_s: 10, text_s: 11, first_token_s: 19, first_audio_s: 19.5 }),
    [{ from_s: 12, to_s: 18 }],
  );
  expect(waterfall?.parts.map(({ key, ms }) => [key, Math.round(ms)])).toEqual([
    ["recognition", 1000],
    ["thought", 1000],
    ["tools", 6000],
    ["thought", 1000],
    ["voice", 500],
    ["elsewhere", 500],
  ]);
});

test("what was ready before the person had ended takes no time", () => {
  const waterfall = waterfallOf(
    turn(5.2, { speech_ended_s: 5, text_s: 4.8, first_token_s: 4.9, turn_ended_s: 5.1 }),
  );
  expect(waterfall?.parts.map(({ key }) => key)).toEqual(["turn", "elsewhere"]);
});

test("without the end of the person's turn nothing can be told", () => {
  expect(waterfallOf(turn(5, { text_s: 4 }))).toBeNull();
  expect(waterfallOf(turn(5, {}))).toBeNull();
});
