import { useCallback, useEffect, useState } from "preact/hooks";
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
  const keep = useCallback((change: (now: Preferences) => Preferences) => {
    setPreferences((now) => {
      const chosen = change(now);
      savePreferences(chosen);
      return chosen;
    });
  }, []);
  const gone = voice !== "" && voices !== null && !voices.some((known) => known.name === voice);

  useEffect(() => {
    void call.setVoice(gone ? "" : voice).then((taken) => {
      // What could not be loaded would be asked for again with every call.
      if (!taken) keep((now) => ({ ...now, voice: call.state.voice }));
    });
  }, [call, voice, gone, keep]);
  useEffect(() => {
    call.onVoiceGone = () => keep((now) => ({ ...now, voice: call.state.voice }));
  }, [call, keep]);
  useEffect(() => void call.chooseDevice("audioinput", microphone), [call, microphone]);
  useEffect(() => void call.chooseDevice("audiooutput", speaker), [call, speaker]);

  const choose: Choose = (key, value) => keep((now) => ({ ...now, [key]: value }));
  return [preferences, choose];
}
