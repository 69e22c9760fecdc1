import { useEffect, useState } from "preact/hooks";
import type { Call } from "../call/call";
import type { Voice } from "../call/gateway";
import { loadPreferences, type Preferences, savePreferences } from "../call/preferences";

export type Choose = <Key extends keyof Preferences>(key: Key, value: Preferences[Key]) => void;

/** The person's choices: remembered, and applied to `call` when made and when the page opens. */
export function usePreferences(
  call: Call,
  voices: readonly Voice[] | null,
): readonly [Preferences, Choose] {
  const [preferences, setPreferences] = useState(loadPreferences);
  const { voice, microphone, speaker } = preferences;
  const gone = voice !== "" && voices !== null && !voices.some((known) => known.name === voice);

  useEffect(() => void call.setVoice(gone ? "" : voice), [call, voice, gone]);
  useEffect(() => void call.chooseDevice("audioinput", microphone), [call, microphone]);
  useEffect(() => void call.chooseDevice("audiooutput", speaker), [call, speaker]);

  const choose: Choose = (key, value) => {
    const chosen = { ...preferences, [key]: value };
    setPreferences(chosen);
    savePreferences(chosen);
  };
  return [preferences, choose];
}
