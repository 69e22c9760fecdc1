import { useEffect, useRef, useState } from "preact/hooks";
import type { Voice } from "../call/gateway";
import { VoicePreview } from "../call/preview";
import type { CallState } from "../call/state";
import { voiceGroups, voiceLabel, voiceName } from "../call/voices";
import type { Choose } from "./usePreferences";

/** The voices by language, and how the chosen one sounds. */
export function VoiceSelect(props: {
  state: CallState;
  voices: readonly Voice[] | null;
  choose: Choose;
}) {
  const { state, voices, choose } = props;
  const known = voices ?? [];
  const standard = known.find((voice) => voice.default);
  const chosen = known.find((voice) => voice.name === state.voice) ?? standard;
  return (
    <div class="field">
      <label class="field">
        Voice
        <select
          value={chosen?.name ?? ""}
          disabled={state.voiceChanging || state.phase === "starting"}
          onChange={(event) => choose("voice", event.currentTarget.value)}
        >
          {!standard && <option value="">The default</option>}
          {voiceGroups(known).map(({ language, voices: members }) => (
            <optgroup key={language} label={language}>
              {members.map((voice) => (
                <option key={voice.name} value={voice.name}>
                  {voice.ready ? voiceName(voice) : `${voiceName(voice)} (fetched when chosen)`}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      {chosen && state.phase === "idle" && <Preview key={chosen.name} voice={chosen} />}
      {state.voiceChanging && <small>changing …</small>}
      {voices === null && <small>the voices cannot be listed now</small>}
    </div>
  );
}

/** Before a call: in one, the microphone would hear it too. */
function Preview({ voice }: { voice: Voice }) {
  const [status, setStatus] = useState<"" | "plays" | "failed">("");
  const preview = useRef<VoicePreview | null>(null);
  useEffect(() => () => preview.current?.stop(), []);
  const toggle = async () => {
    preview.current ??= new VoicePreview();
    if (status === "plays") return preview.current.stop();
    setStatus("plays");
    setStatus((await preview.current.play(voice.name)) ? "" : "failed");
  };
  if (!voice.ready) return <small>can be heard once it has been fetched</small>;
  const does = status === "plays" ? "Stop" : "Hear it";
  return (
    <div class="preview">
      <button
        type="button"
        class="button"
        aria-label={`${does}: ${voiceLabel(voice)}`}
        onClick={toggle}
      >
        {does}
      </button>
      <small role="status">{status === "failed" && "It cannot be heard now."}</small>
    </div>
  );
}
