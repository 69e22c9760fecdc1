import { expect, test } from "vitest";
import { voiceLabel } from "./voices";

const voice = (name: string, engine: string, ...languages: string[]) => ({
  name,
  engine,
  languages,
  ready: true,
  default: false,
});

test.each([
  [voice("piper-en-us-joe-medium", "piper", "en-US"), "Joe, medium · American English"],
  [voice("piper-de-de-thorsten-high", "piper", "de-DE"), "Thorsten, high · German (Germany)"],
  [voice("hibari-heart", "hibari", "en"), "Heart · English"],
  [voice("narrator", "cosyvoice"), "Narrator"],
  [voice("odd", "piper", "not a tag"), "Odd · not a tag"],
])("%o", (known, label) => {
  expect(voiceLabel(known)).toBe(label);
});
