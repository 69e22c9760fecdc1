import { expect, test } from "vitest";
import { breakText, historyOf, withBreak, withHistory } from "./breaks";
import { EMPTY, withTyped } from "./transcript";

const SAID = withTyped(withTyped(EMPTY, "one", "hello", 1000), "two", "is anybody there", 2000);

test("a break stands after what was said last, and says how long nobody was there", () => {
  const [gap] = withBreak([], SAID, "line", 45_200);
  expect(gap).toEqual({ after: "two", cause: "line", away_s: 45, history: "" });
  expect(gap && breakText(gap)).toBe("The connection was lost for 45 s.");
});

test("the agent tells whether it knows what was said", () => {
  const breaks = withBreak([], SAID, "line", 185_000);
  const [kept] = withHistory(breaks, historyOf("kept"));
  const [fresh] = withHistory(breaks, historyOf("new"));
  expect(kept && breakText(kept)).toBe(
    "The connection was lost for 3 min. Parley knows what was said.",
  );
  expect(fresh && breakText(fresh)).toContain("does not know what was said above");
  expect(withHistory(breaks, historyOf("something else"))).toBe(breaks);
});

test("before anything was said there is nothing to divide, and one place has one break", () => {
  expect(withBreak([], EMPTY, "agent", 9_000)).toEqual([]);
  const twice = withBreak(withBreak([], SAID, "agent", 4_000), SAID, "line", 9_000);
  expect(twice.map(({ cause }) => cause)).toEqual(["line"]);
  expect(withHistory([], "kept")).toEqual([]);
});

test("each cause has its words", () => {
  const gap = { after: "two", away_s: 6, history: "" } as const;
  expect(breakText({ ...gap, cause: "agent" })).toBe("The agent was away for 6 s.");
  expect(breakText({ ...gap, cause: "agent", away_s: 0 })).toBe("Another agent has taken over.");
  expect(breakText({ ...gap, cause: "call" })).toBe("A new call.");
});
