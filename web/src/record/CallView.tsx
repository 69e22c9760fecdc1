import { useEffect, useMemo } from "preact/hooks";
import type { CallRecord, Turn } from "./api";
import { clock, loudestOf, unheard } from "./picture";
import { TurnPicture } from "./TurnPicture";
import { usePlayer } from "./usePlayer";
import { Waveform } from "./Waveform";

/** Before what is jumped to. */
const LEAD_S = 0.8;

const STATES: Record<string, string> = {
  going: "goes on",
  lost: "broke off: the process that held it died",
  stopped: "recorded in part",
};

export function CallView(props: { call: CallRecord; peaks: Uint8Array; audio: string }) {
  const { call, peaks, audio } = props;
  const began_s = call.audio_began_at_s;
  const player = usePlayer(began_s === null ? null : audio);
  const { toggle } = player;
  const loudest = useMemo(() => loudestOf(peaks), [peaks]);

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const onControl = event.target instanceof Element && event.target.closest("button, a, input");
      if (event.key !== " " || onControl) return;
      event.preventDefault();
      toggle();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [toggle]);

  const place_s = (turn: Turn) =>
    Math.max(0, (turn.marks?.spoke_from_s ?? turn.at_s) - (began_s ?? call.began_at_s));
  const current = call.turns.findLast((turn) => place_s(turn) - LEAD_S <= player.at_s);
  return (
    <>
      <Title call={call} />
      {began_s === null ? (
        <p class="record-note">No sound of this call is kept.</p>
      ) : (
        <section class="player" aria-label="Recording">
          <button
            type="button"
            class="button play"
            aria-pressed={player.playing}
            onClick={player.toggle}
          >
            {player.playing ? "Pause" : "Play"}
          </button>
          <p class="player-time">
            {clock(player.at_s)} <span>of {clock(call.length_s)}</span>
          </p>
          <p class="player-legend">
            <span class="legend-person">person</span> <span class="legend-agent">agent</span>{" "}
            <span class="legend-contested">speech over the agent</span>{" "}
            {call.errors > 0 && <span class="legend-error">error</span>}
          </p>
          <Waveform
            call={call}
            peaks={peaks}
            loudest={loudest}
            at_s={player.at_s}
            onSeek={(at) => player.seek(at)}
          />
          {player.problem && <p role="alert">The sound cannot be played.</p>}
        </section>
      )}
      <ol class="turns">
        {call.turns.map((turn) => (
          <li key={turn.id} class="turn" aria-current={turn === current && player.at_s > 0}>
            <div class="turn-words">
              <button
                type="button"
                class="turn-time"
                disabled={began_s === null}
                aria-label={`Play from ${clock(place_s(turn))}`}
                onClick={() => player.seek(place_s(turn) - LEAD_S, true)}
              >
                {clock(place_s(turn))}
              </button>
              <Words turn={turn} />
            </div>
            <div class="turn-picture">
              <Response turn={turn} objective_ms={call.objective_ms} />
              <TurnPicture call={call} peaks={peaks} loudest={loudest} turn={turn} />
            </div>
          </li>
        ))}
      </ol>
      <Moments call={call} />
    </>
  );
}

function Title({ call }: { call: CallRecord }) {
  const began = new Date(1000 * call.began_at_s);
  const who = call.names.at(-1) ?? call.user;
  return (
    <section class="title">
      <h2>
        {began.toLocaleDateString(undefined, { dateStyle: "long" })},{" "}
        {began.toLocaleTimeString(undefined, { timeStyle: "short" })}
      </h2>
      <p>
        {who && <span>with {who}</span>} <span>{clock(call.length_s)}</span>{" "}
        <span>{call.voice}</span> {call.model && <span>{call.model}</span>}{" "}
        {STATES[call.state] && <strong>{STATES[call.state]}</strong>}
      </p>
      <dl class="figures">
        <Figure
          name={call.turns.length === 1 ? "turn" : "turns"}
          value={String(call.turns.length)}
        />
        <Figure name="cut short" value={String(call.interruptions)} />
        <Figure name="errors" value={String(call.errors)} alarm={call.errors > 0} />
        {call.slowest_ms !== null && (
          <Figure
            name="slowest response"
            value={`${Math.round(call.slowest_ms)} ms`}
            alarm={call.over_objective > 0}
          />
        )}
      </dl>
    </section>
  );
}

function Figure({ name, value, alarm = false }: { name: string; value: string; alarm?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={alarm ? "alarm" : ""}>{value}</dd>
    </div>
  );
}

function Words({ turn }: { turn: Turn }) {
  const lost = unheard(turn);
  const heard = turn.ended ? turn.heard : turn.heard || turn.made;
  return (
    <div class="said">
      {turn.person && (
        <p class="said-person">
          <span class="unseen">Person: </span>
          {turn.person}
        </p>
      )}
      {(heard || lost) && (
        <p class="said-agent">
          <span class="unseen">Agent: </span>
          {heard}
          {lost && (
            <del>
              <span class="unseen"> Not heard: </span>
              {lost}
            </del>
          )}
        </p>
      )}
      {turn.tools.map((tool) => (
        <p key={`${tool.name} ${tool.at_s}`} class="said-tool">
          {tool.name}: {tool.outcome}
        </p>
      ))}
    </div>
  );
}

function Response({ turn, objective_ms }: { turn: Turn; objective_ms: number | null }) {
  const total_ms = turn.stages?.total_ms ?? null;
  if (total_ms === null) return null;
  return (
    <p class="response">
      <strong class={turn.over_ms === null ? "" : "alarm"}>{Math.round(total_ms)} ms</strong>{" "}
      {turn.marks?.speech_ended_s === null ? "after the message" : "after the last sound"}
      {turn.over_ms !== null && objective_ms !== null && (
        <>
          , {Math.round(turn.over_ms)} over the objective of {Math.round(objective_ms)}
        </>
      )}
    </p>
  );
}

function Moments({ call }: { call: CallRecord }) {
  if (call.moments.length === 0) return null;
  return (
    <details class="moments">
      <summary>What else happened ({call.moments.length})</summary>
      <ol>
        {call.moments.map((moment) => (
          <li key={`${moment.at_s} ${moment.kind}`} class={moment.kind === "error" ? "alarm" : ""}>
            <time>{clock(moment.at_s - call.began_at_s)}</time> {moment.kind.replaceAll("_", " ")}{" "}
            {moment.text}
          </li>
        ))}
      </ol>
    </details>
  );
}
