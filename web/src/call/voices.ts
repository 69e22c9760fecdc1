/** Names of voices for people, and the order in which they are chosen from. */

import type { Voice } from "./gateway";

/** Voices of one language. */
export interface VoiceGroup {
  readonly language: string;
  readonly voices: readonly Voice[];
}

const UNKNOWN = "Other";

/** By language: those that have a voice at hand first, in each the voices at hand first. */
export function voiceGroups(voices: readonly Voice[]): readonly VoiceGroup[] {
  const groups = new Map<string, Voice[]>();
  for (const voice of voices) {
    const language = voiceLanguage(voice) || UNKNOWN;
    groups.set(language, [...(groups.get(language) ?? []), voice]);
  }
  return [...groups]
    .map(([language, members]) => ({
      language,
      voices: members.toSorted(
        (one, other) =>
          Number(other.ready) - Number(one.ready) || voiceName(one).localeCompare(voiceName(other)),
      ),
    }))
    .sort(
      (one, other) =>
        Number(hasReady(other)) - Number(hasReady(one)) ||
        one.language.localeCompare(other.language),
    );
}

function hasReady({ voices }: VoiceGroup): boolean {
  return voices.some((voice) => voice.ready);
}

/** `piper-en-us-joe-medium` of an en-US voice becomes `Joe, medium`. */
export function voiceName(voice: Voice): string {
  const language = voice.languages[0] ?? "";
  let rest = voice.name.toLowerCase();
  for (const prefix of [voice.engine.toLowerCase(), language.toLowerCase().replaceAll("_", "-")]) {
    if (prefix && rest.startsWith(`${prefix}-`)) rest = rest.slice(prefix.length + 1);
  }
  const [name = rest, ...qualifiers] = rest.split("-");
  return [name.charAt(0).toUpperCase() + name.slice(1), ...qualifiers].join(", ");
}

/** Its language in English; empty where it has none. */
export function voiceLanguage(voice: Voice): string {
  const tag = voice.languages[0] ?? "";
  try {
    return (tag && new Intl.DisplayNames(["en"], { type: "language" }).of(tag)) || "";
  } catch {
    return tag;
  }
}

/** Both: `Joe, medium · American English`. */
export function voiceLabel(voice: Voice): string {
  return [voiceName(voice), voiceLanguage(voice)].filter(Boolean).join(" · ");
}
