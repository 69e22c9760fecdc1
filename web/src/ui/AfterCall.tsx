import { useState } from "preact/hooks";
import type { Call } from "../call/call";
import type { CallState } from "../call/state";
import { fileName, written } from "../call/writing";
import { Icon } from "./Icon";
import { OwnRecording } from "./OwnRecording";

/** Some browsers read what they download only after a while. */
const KEPT_MS = 60_000;

/** What can be done with a call that has ended: call again, and keep what was said. */
export function AfterCall({ call, state }: { call: Call; state: CallState }) {
  const { transcript, session, records } = state;
  const [told, tell] = useState("");
  const name = fileName(transcript);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(written(transcript));
      tell("Copied");
    } catch {
      tell("The browser did not allow it");
    }
  };
  return (
    <div class="after">
      <div class="after-calls">
        <button type="button" class="button-start" onClick={() => void call.start()}>
          <Icon name="call" />
          Call again
        </button>
        {session && (
          <button type="button" class="button-start button-go-on" onClick={() => void call.again()}>
            Go on from here
          </button>
        )}
      </div>
      <div class="after-keeps">
        {/* Only secure addresses have a clipboard. */}
        {navigator.clipboard && (
          <button type="button" class="button-link" onClick={() => void copy()}>
            <Icon name="copy" />
            Copy the words
          </button>
        )}
        <button
          type="button"
          class="button-link"
          onClick={() => save(new Blob([written(transcript)], { type: "text/plain" }), name)}
        >
          <Icon name="download" />
          Download them
        </button>
        {session &&
          records.map((record, n) => (
            <OwnRecording
              key={record}
              record={record}
              session={session}
              name={n === 0 ? name : `${name}-${n + 1}`}
            />
          ))}
        <span class="after-told" role="status">
          {told}
        </span>
      </div>
    </div>
  );
}

/** Has the browser keep `text` as NAME.txt. */
function save(text: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(text);
  link.download = `${name}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
