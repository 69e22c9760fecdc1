import { useEffect, useRef } from "preact/hooks";
import type { About } from "../call/about";
import type { Call } from "../call/call";
import { remedied } from "../call/remedies";
import { type CallState, statusText } from "../call/state";
import { ProductCards } from "../chat/ProductCards";
import { AfterCall } from "./AfterCall";
import { Announcer } from "./Announcer";
import { BeforeCall } from "./BeforeCall";
import { CallPanels } from "./CallPanels";
import { Choices } from "./Choices";
import { Composer } from "./Composer";
import { Countdown } from "./Countdown";
import { Header } from "./Header";
import { Icon } from "./Icon";
import { ProblemBanner } from "./ProblemBanner";
import { RibbonCanvas } from "./RibbonCanvas";
import { Settings } from "./Settings";
import { SettingsSheet } from "./SettingsSheet";
import { TranscriptView } from "./TranscriptView";
import { useAbout } from "./useAbout";
import { useCallKeys } from "./useCallKeys";
import { useCallState } from "./useCallState";
import { useEmbedder } from "./useEmbedder";
import { usePreferences } from "./usePreferences";
import { useVoices } from "./useVoices";
import { useWakeLock } from "./useWakeLock";
import { useWide } from "./useWide";

export function App({ call, embedded }: { call: Call; embedded: boolean }) {
  const state = useCallState(call);
  const voices = useVoices(state.phase !== "idle");
  const [preferences, choose] = usePreferences(call, voices);
  const inCall = state.phase !== "idle";
  const about = useAbout(call.app, inCall);
  const field = useRef<HTMLInputElement>(null);
  const talk = useRef<HTMLElement>(null);

  // The button that was pressed is gone; the focus must not fall off the page with it.
  const wasInCall = useRef(inCall);
  useEffect(() => {
    if (wasInCall.current !== inCall) talk.current?.focus();
    wasInCall.current = inCall;
  }, [inCall]);

  // Who only types begins to type.
  const types = state.phase === "live" && state.microphone === "off";
  useEffect(() => {
    if (types && document.activeElement === talk.current) field.current?.focus();
  }, [types]);

  const endAsked = useCallKeys(call, field, preferences.shortcuts);
  useEmbedder(state.phase, embedded);
  useWakeLock(inCall);
  const wide = useWide();

  const settings = (
    <Settings state={state} voices={voices} preferences={preferences} choose={choose} />
  );

  return (
    <div class={embedded ? "page embedded" : "page"} data-phase={state.phase}>
      <Header state={state}>
        {!wide && !embedded && <SettingsSheet>{settings}</SettingsSheet>}
      </Header>
      <main ref={talk} class="talk" tabIndex={-1}>
        <RibbonCanvas call={call} state={state} />
        <Floor state={state} endAsked={endAsked} />
        <ProblemBanner
          problem={state.problem}
          onRemedy={(remedy) => void remedied(call, remedy)}
          onDismiss={() => call.dismissProblem()}
        />
        {state.phase === "idle" && state.transcript.length === 0 ? (
          <Welcome call={call} about={embedded ? null : about} />
        ) : (
          <TranscriptView transcript={state.transcript} breaks={state.breaks} timed={!inCall} />
        )}
        {state.found && <ProductCards found={state.found} />}
        {inCall && state.suggestions.length > 0 && (
          <div class="suggestions">
            {state.suggestions.map((suggestion) => (
              <button
                key={suggestion}
                type="button"
                class="button"
                onClick={() => call.write(suggestion)}
              >
                {suggestion}
              </button>
            ))}
          </div>
        )}
        <div class="dock">
          <Controls call={call} state={state} />
          {inCall && (
            <Composer
              field={field}
              enabled={state.phase === "live"}
              onSend={(text) => call.write(text)}
            />
          )}
        </div>
      </main>
      {!embedded && (
        <aside class="side">
          <div class="panels">
            {!inCall && (
              <BeforeCall about={about} voice={state.voice} microphone={preferences.microphone} />
            )}
            <CallPanels call={call} />
          </div>
          {wide && settings}
        </aside>
      )}
      <Announcer state={state} replies={preferences.readReplies} />
    </div>
  );
}

/** Who has the floor. */
function Floor({ state, endAsked }: { state: CallState; endAsked: boolean }) {
  const muted = state.microphone !== "on" && state.agent === "listening";
  const contested = state.floor === "ducked" || state.floor === "held" || state.floor === "yielded";
  const agent = contested ? state.floor : state.agent;
  const floor = state.phase !== "live" ? state.phase : muted && !contested ? "muted" : agent;
  return (
    <p class="floor" data-floor={floor}>
      <span class="floor-dot" aria-hidden="true" />
      {endAsked ? "Press Esc again to end the call" : statusText(state)}
      {state.retryAt !== null && <Countdown at={state.retryAt} />}
    </p>
  );
}

function Welcome({ call, about }: { call: Call; about: About | null }) {
  return (
    <div class="welcome">
      <p class="welcome-words">
        Speak, and Parley answers.
        <br />
        Speak while it talks, and it yields.
      </p>
      <button type="button" class="button-start" onClick={() => void call.start()}>
        <Icon name="call" />
        Start the call
      </button>
      <button type="button" class="button-link" onClick={() => void call.start(false)}>
        or only type
      </button>
      {about && <Choices call={call} about={about} />}
    </div>
  );
}

function Controls({ call, state }: { call: Call; state: CallState }) {
  if (state.phase === "idle") {
    if (state.transcript.length === 0) return null;
    return <AfterCall call={call} state={state} />;
  }
  const muted = state.microphone !== "on";
  return (
    <div class="controls">
      <button
        type="button"
        class="button"
        disabled={state.phase === "starting" || state.phase === "waiting"}
        onClick={() => void call.toggleMicrophone()}
      >
        <Icon name={muted ? "muted" : "microphone"} />
        {state.microphone === "off" ? "Use microphone" : muted ? "Unmute" : "Mute"}
      </button>
      <button type="button" class="button button-end" onClick={() => void call.end()}>
        <Icon name="end" />
        {state.retryAt === null ? "End" : "Stop waiting"}
      </button>
    </div>
  );
}
