import { useState } from "preact/hooks";
import type { LogLine } from "../call/story";

const TIME = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** Every event of the call, the latest first, where the person switches it on. */
export function EventLog({ log }: { log: readonly LogLine[] }) {
  const [shown, setShown] = useState(false);
  return (
    <details class="event-log" onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>Event log</summary>
      {shown && (
        <ol>
          {log.toReversed().map((line) => (
            <li key={line.key} data-kind={line.kind}>
              <time>{TIME.format(line.at)}</time> <b>{line.kind}</b> {line.words}
              {line.details && (
                <details>
                  <summary>details</summary>
                  <pre>{line.details}</pre>
                </details>
              )}
            </li>
          ))}
        </ol>
      )}
    </details>
  );
}
