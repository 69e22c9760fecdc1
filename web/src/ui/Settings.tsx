import type { Voice } from "../call/gateway";
import type { Preferences } from "../call/preferences";
import type { CallState } from "../call/state";
import { useDevices } from "./useDevices";
import type { Choose } from "./usePreferences";
import { VoiceSelect } from "./VoiceSelect";

/** Voice, devices and keys. */
export function Settings(props: {
  state: CallState;
  voices: readonly Voice[] | null;
  preferences: Preferences;
  choose: Choose;
}) {
  const { state, voices, preferences, choose } = props;
  const { microphones, speakers } = useDevices(state.microphone);
  return (
    <section class="settings" aria-label="Settings">
      <h2 class="settings-title">Settings</h2>
      <div class="settings-fields">
        <VoiceSelect state={state} voices={voices} choose={choose} />
        <DeviceSelect
          label="Microphone"
          devices={microphones}
          chosen={preferences.microphone}
          onChoose={(id) => choose("microphone", id)}
        />
        {speakers.length > 0 && (
          <DeviceSelect
            label="Loudspeaker"
            devices={speakers}
            chosen={preferences.speaker}
            onChoose={(id) => choose("speaker", id)}
          />
        )}
        <Keys shortcuts={preferences.shortcuts} choose={choose} />
        <label class="check">
          <input
            type="checkbox"
            checked={preferences.readReplies}
            onChange={(event) => choose("readReplies", event.currentTarget.checked)}
          />
          Let a screen reader read the replies
        </label>
      </div>
    </section>
  );
}

function DeviceSelect(props: {
  label: string;
  devices: readonly MediaDeviceInfo[];
  chosen: string;
  onChoose: (id: string) => void;
}) {
  const others = props.devices.filter((device) => device.deviceId !== "default");
  const present = others.some((device) => device.deviceId === props.chosen);
  return (
    <label class="field">
      {props.label}
      <select
        value={present ? props.chosen : ""}
        onChange={(event) => props.onChoose(event.currentTarget.value)}
      >
        <option value="">The browser's default</option>
        {others.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label}
          </option>
        ))}
      </select>
    </label>
  );
}

function Keys({ shortcuts, choose }: { shortcuts: boolean; choose: Choose }) {
  return (
    <div class="keys">
      <label class="check">
        <input
          type="checkbox"
          checked={shortcuts}
          onChange={(event) => choose("shortcuts", event.currentTarget.checked)}
        />
        Single keys as shortcuts
      </label>
      {shortcuts && (
        <details>
          <summary>Which keys</summary>
          <dl>
            <div>
              <dt>
                <kbd>M</kbd> or <kbd>Space</kbd>
              </dt>
              <dd>mute, unmute</dd>
            </div>
            <div>
              <dt>
                <kbd>/</kbd>
              </dt>
              <dd>write a message</dd>
            </div>
            <div>
              <dt>
                <kbd>Enter</kbd>
              </dt>
              <dd>send it</dd>
            </div>
            <div>
              <dt>
                <kbd>Esc</kbd>
              </dt>
              <dd>leave the text</dd>
            </div>
            <div>
              <dt>
                <kbd>Esc</kbd> <kbd>Esc</kbd>
              </dt>
              <dd>end the call</dd>
            </div>
          </dl>
        </details>
      )}
    </div>
  );
}
