import { expect, test } from "vitest";
import { COLUMN_MS, Ribbon, sampleTalk } from "./ribbon";

const loud = () => ({ person: 1, agent: 0 });

test("a column is taken once per interval, however often a frame is drawn", () => {
  const ribbon = new Ribbon(100);
  for (let now_ms = 0; now_ms < COLUMN_MS * 10; now_ms += COLUMN_MS / 6) {
    ribbon.advance(now_ms, loud);
  }
  expect(ribbon.columns).toHaveLength(10);
});

test("the oldest columns and their marks leave", () => {
  const ribbon = new Ribbon(3);
  ribbon.advance(0, loud);
  ribbon.mark({ at_ms: 1, latency_ms: 500 });
  for (let n = 1; n < 8; n += 1) ribbon.advance(n * COLUMN_MS, loud);
  expect(ribbon.columns).toHaveLength(3);
  expect(ribbon.marks).toHaveLength(0);
});

test("after a pause of the page the ribbon goes on without catching up", () => {
  const ribbon = new Ribbon(100);
  ribbon.advance(0, loud);
  ribbon.advance(60_000, loud);
  ribbon.advance(60_001, loud);
  expect(ribbon.columns).toHaveLength(2);
  expect(ribbon.progress(60_000 + COLUMN_MS / 2)).toBeCloseTo(0.5);
});

test("the sample talk is the same at every visit and stays in range", () => {
  const talk = sampleTalk(240);
  expect(talk).toEqual(sampleTalk(240));
  for (const { person, agent } of talk) {
    expect(person).toBeGreaterThanOrEqual(0);
    expect(person).toBeLessThanOrEqual(1);
    expect(agent).toBeGreaterThanOrEqual(0);
    expect(agent).toBeLessThanOrEqual(1);
  }
});
