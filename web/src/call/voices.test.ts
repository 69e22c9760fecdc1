import { expect, test } from "vitest";
import { voiceGroups, voiceLabel } from "./voices";

const voice = (name: string, engine: string, ...languages: string[]) => ({
  name,
  engine,
  languages,
  ready: true,
  default: false,
});
const away = (name: string, ...languages: string[]) => ({
  ...voice(name, "piper", ...languages),
  ready: false,
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

test("voices are grouped by language, those at hand first", () => {
  const groups = voiceGroups([
    away("piper-cs-cz-jirka-low", "cs-CZ"),
    away("piper-en-us-amy-low", "en-US"),
    voice("narrator", "cosyvoice"),
    voice("piper-en-us-joe-medium", "piper", "en-US"),
    voice("piper-de-de-thorsten-high", "piper", "de-DE"),
  ]);
  expect(groups.map(({ language, voices }) => [language, voices.map(({ name }) => name)])).toEqual([
    ["American English", ["piper-en-us-joe-medium", "piper-en-us-amy-low"]],
    ["German (Germany)", ["piper-de-de-thorsten-high"]],
    ["Other", ["narrator"]],
    ["Czech (Czechia)", ["piper-cs-cz-jirka-low"]],
  ]);
});
