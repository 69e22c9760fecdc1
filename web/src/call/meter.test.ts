import { expect, test } from "vitest";
import { loudness } from "./meter";

test("loudness runs from silence to full scale and grows with the signal", () => {
  expect(loudness(0)).toBe(0);
  expect(loudness(1)).toBe(1);
  const steps = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3].map(loudness);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  expect(new Set(steps).size).toBe(steps.length);
});
