import { expect, test } from "vitest";
import { DEFAULTS, parsePreferences } from "./preferences";

test("what was chosen is remembered", () => {
  const chosen = { ...DEFAULTS, voice: "piper-en-us-joe-medium", shortcuts: false };
  expect(parsePreferences(JSON.stringify(chosen))).toEqual(chosen);
});

test.each([null, "", "{", "7", "null", '{"voice":7,"shortcuts":"yes","theme":"pink"}'])(
  "what is missing or damaged is the default: %s",
  (stored) => {
    expect(parsePreferences(stored)).toEqual(DEFAULTS);
  },
);
