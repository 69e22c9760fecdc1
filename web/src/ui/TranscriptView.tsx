import { Fragment } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Break } from "../call/breaks";
import type { Line, Transcript } from "../call/transcript";
import { NAMES, timeOfDay } from "../call/writing";
import { TranscriptBreak } from "./TranscriptBreak";

/** Scrolled up further than this, the person reads: new words do not pull the view down. */
const NEAR_END_PX = 80;

export function TranscriptView(props: {
  transcript: Transcript;
  breaks: readonly Break[];
  /** Each line says when it was; while people talk that would only distract. */
  timed: boolean;
}) {
  const { transcript, breaks, timed } = props;
  const view = useRef<HTMLDivElement>(null);
  const follow = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new words are what is followed
  useEffect(() => {
    if (follow.current && view.current) view.current.scrollTop = view.current.scrollHeight;
  }, [transcript, breaks]);
  const onScroll = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = view.current ?? {};
    follow.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  };
  return (
    <div
      ref={view}
      class="transcript"
      role="log"
      aria-label="Transcript"
      aria-live="off"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard must be able to scroll it
      tabIndex={0}
      onScroll={onScroll}
    >
      {transcript.length === 0 && <p class="hint">Your words and Parley's appear here.</p>}
      {transcript.map((line, n) => {
        const gap = breaks.find(({ after }) => after === line.id);
        return (
          <Fragment key={line.id}>
            <LineView
              line={line}
              goesOn={transcript[n - 1]?.speaker === line.speaker}
              timed={timed}
            />
            {gap && <TranscriptBreak gap={gap} />}
          </Fragment>
        );
      })}
    </div>
  );
}

function LineView({ line, goesOn, timed }: { line: Line; goesOn: boolean; timed: boolean }) {
  return (
    <p
      class={`line line-${line.speaker}${goesOn ? " line-goes-on" : ""}`}
      data-status={line.status}
      data-speaker={line.speaker}
    >
      <span class={goesOn ? "name unseen" : "name"}>
        {NAMES[line.speaker]}
        {timed && <time class="at"> {timeOfDay(line.at_ms)}</time>}
      </span>
      <span class="words">
        {line.text}
        {line.status === "cut" && (
          <span class="cut">
            <span aria-hidden="true">—</span> <small>interrupted</small>
          </span>
        )}
        {line.typed && <small class="typed"> typed</small>}
      </span>
    </p>
  );
}
