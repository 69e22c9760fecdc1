/** Names of voices for people. */

import type { Voice } from "./gateway";

/** `piper-en-us-joe-medium` of an en-US voice becomes `Joe, medium · American English`. */
export function voiceLabel(voice: Voice): string {
  const language = voice.languages[0] ?? "";
  let rest = voice.name.toLowerCase();
  for (const prefix of [voice.engine.toLowerCase(), language.toLowerCase().replaceAll("_", "-")]) {
    if (prefix && rest.startsWith(`${prefix}-`)) rest = rest.slice(prefix.length + 1);
  }
  const [name = rest, ...qualifiers] = rest.split("-");
  const label = [name.charAt(0).toUpperCase() + name.slice(1), ...qualifiers].join(", ");
  const spoken = languageName(language);
  return spoken ? `${label} · ${spoken}` : label;
}

function languageName(tag: string): string {
  try {
    return (tag && new Intl.DisplayNames(["en"], { type: "language" }).of(tag)) || "";
  } catch {
    return tag;
  }
}
