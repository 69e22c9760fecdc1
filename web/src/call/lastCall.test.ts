import { expect, test } from "vitest";
import { recalled, remember } from "./lastCall";
import { type CallState, IDLE } from "./state";
import { withTyped } from "./transcript";

class Kept implements Storage {
  readonly #kept = new Map<string, string>();
  get length() {
    return this.#kept.size;
  }
  clear = () => this.#kept.clear();
  key = (n: number) => [...this.#kept.keys()][n] ?? null;
  getItem = (key: string) => this.#kept.get(key) ?? null;
  removeItem = (key: string) => void this.#kept.delete(key);
  setItem = (key: string, value: string) => void this.#kept.set(key, value);
}

const TALK = withTyped([], "typed-1", "How far is the moon?", 1000);
const LIVE: CallState = {
  ...IDLE,
  phase: "live",
  session: "s-1.key",
  records: ["one"],
  transcript: TALK.map((line) => ({ ...line, status: "interim" as const })),
};

test("a page that is loaded again in a call has its words, and no call", () => {
  const shelf = new Kept();
  remember("", LIVE, () => shelf);
  expect(recalled("", () => shelf)).toEqual({
    ...IDLE,
    session: "s-1.key",
    records: ["one"],
    transcript: TALK,
  });
  expect(recalled("shop", () => shelf)).toEqual(IDLE);
});

test("where the browser keeps nothing there is nothing, and no failure", () => {
  const refused = () => {
    throw new Error("SecurityError");
  };
  remember("", LIVE, refused);
  expect(recalled("", refused)).toEqual(IDLE);
});

test("what is not understood is nothing", () => {
  const shelf = new Kept();
  for (const text of ["{", "null", "3", '{"session": "s", "records": [], "transcript": [{}]}']) {
    shelf.setItem("parley.lastCall.", text);
    expect(recalled("", () => shelf)).toEqual(IDLE);
  }
});
