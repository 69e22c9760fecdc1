/** Who is there: tells the phase of a call that has begun from the line, the agent and the time. */

import {
  type Participant,
  type RemoteParticipant,
  type RemoteTrack,
  type Room,
  RoomEvent,
} from "livekit-client";
import { type Break, historyOf, withBreak, withHistory } from "./breaks";
import type { Limits } from "./limits";
import { LineWatch, watching } from "./lineWatch";
import { AGENT_LEFT, NO_AGENT, STILL_LOST } from "./problems";
import { HISTORY_ATTRIBUTE, RECORD_ATTRIBUTE, RECORDING_ATTRIBUTE } from "./roomEvents";
import { agentStateOf, recordingOf, withRecord } from "./state";
import type { CallStore } from "./store";

interface Missed {
  readonly cause: Break["cause"];
  readonly since_ms: number;
}

export class Presence {
  readonly #watch: LineWatch;
  #agent: RemoteParticipant | null = null;
  /** The identity of the agent that was there last. */
  #lastAgent = "";
  #voice: RemoteTrack | null = null;
  /** LiveKit's client gets its connection back, or the call is entered again. */
  #reconnects = false;
  #missed: Missed | null = null;
  #noAgentTimer: ReturnType<typeof setTimeout> | undefined;
  #offerTimer: ReturnType<typeof setTimeout> | undefined;
  /** Another agent than the last one of the conversation. */
  onAnother: () => void = () => {};

  constructor(
    readonly room: Room,
    readonly store: CallStore,
    readonly limits: Limits,
  ) {
    this.#watch = new LineWatch(limits);
    const judge = () => this.judge();
    room
      .on(RoomEvent.ParticipantConnected, judge)
      .on(RoomEvent.ParticipantDisconnected, judge)
      .on(RoomEvent.TrackSubscribed, judge)
      .on(RoomEvent.TrackUnsubscribed, judge)
      .on(RoomEvent.ParticipantAttributesChanged, (_, who) => this.#attributesChanged(who))
      .on(RoomEvent.ConnectionQualityChanged, (quality, who) => {
        // LiveKit's server knows of a loss seconds later than the page does.
        if (who.isLocal && store.state.phase !== "reconnecting") store.set({ quality });
      })
      .on(RoomEvent.SignalReconnecting, () => this.reconnecting(true))
      .on(RoomEvent.Reconnecting, () => this.reconnecting(true))
      .on(RoomEvent.Reconnected, () => this.reconnecting(false));
  }

  get agent(): RemoteParticipant | null {
    return this.#agent;
  }

  /** Something is missed that the person did not end. */
  get hasLost(): boolean {
    return this.#missed !== null && this.#missed.cause !== "call";
  }

  /** Since when something has been missed, in ms since 1970; now, where nothing is. */
  get missedSince_ms(): number {
    return this.#missed?.since_ms ?? Date.now();
  }

  /** The call is entered: from now on, until `signal` is aborted, it is looked who is there. */
  begin(signal: AbortSignal): void {
    this.#reconnects = false;
    this.store.set({ phase: "waiting" });
    this.#expectAgent();
    const report = async () => {
      const [microphone] = this.room.localParticipant.audioTrackPublications.values();
      return (this.#voice ?? microphone?.track)?.getRTCStatsReport();
    };
    this.#watch.restart();
    void watching(this.#watch, report, () => this.judge(), signal);
    this.judge();
  }

  /** The call is over; what was missed last, and who was there, counts for one that goes on. */
  end(): void {
    clearTimeout(this.#offerTimer);
    this.#expectNoAgent();
    this.#agent = null;
    this.#voice = null;
  }

  /** Another conversation begins. */
  forget(): void {
    this.#lastAgent = "";
    this.#missed = null;
  }

  /** From now on `cause` is missed; what was missed before keeps its time. */
  miss(cause: Break["cause"]): void {
    this.#missed ??= { cause, since_ms: Date.now() };
  }

  reconnecting(reconnects: boolean): void {
    this.#reconnects = reconnects;
    if (!reconnects) this.#watch.restart();
    this.judge();
  }

  judge(): void {
    const before = this.store.state.phase;
    if (before === "idle" || before === "starting") return;
    const lineIsDown = this.#reconnects || this.#watch.lineIsDown;
    // While the connection is being restored, everyone seems to leave.
    if (!lineIsDown) this.#lookForAgent();
    const agentIsThere = this.#agent !== null && !this.#watch.agentIsAway;
    const phase = lineIsDown ? "reconnecting" : agentIsThere ? "live" : "waiting";
    if (phase !== before) {
      this.store.set(phase === "reconnecting" ? { phase, quality: "lost" } : { phase });
      if (before === "reconnecting") this.#lineIsBack();
      if (phase === "reconnecting") this.#lineIsLost();
      if (phase === "waiting") this.#agentIsMissed(before === "live");
    }
    if (phase === "live" && this.#agent) this.#agentIsThere(this.#agent, before !== "live");
  }

  #lineIsLost(): void {
    this.miss("line");
    this.#expectNoAgent();
    const offer = () => this.store.set({ problem: STILL_LOST });
    this.#offerTimer = setTimeout(offer, this.limits.offer_ms);
  }

  #lineIsBack(): void {
    clearTimeout(this.#offerTimer);
    this.store.recovered("line-is-back");
    this.store.set({ quality: this.room.localParticipant.connectionQuality });
  }

  #agentIsMissed(wasThere: boolean): void {
    if (wasThere) {
      this.miss("agent");
      this.store.set({ problem: AGENT_LEFT });
    }
    this.store.set({ agent: "initializing", recording: "" });
    this.#expectAgent();
  }

  #agentIsThere(agent: RemoteParticipant, wasMissed: boolean): void {
    const isAnother = agent.identity !== this.#lastAgent;
    if (!isAnother && !wasMissed) return;
    this.#expectNoAgent();
    this.store.recovered("agent-is-there");
    if (isAnother && this.#lastAgent) {
      const { cause, since_ms } = this.#missed ?? { cause: "agent", since_ms: Date.now() };
      const { breaks, transcript } = this.store.state;
      this.store.set({ breaks: withBreak(breaks, transcript, cause, Date.now() - since_ms) });
      this.onAnother();
    }
    this.#missed = null;
    this.#lastAgent = agent.identity;
    this.#attributesChanged(agent);
  }

  #expectAgent(): void {
    clearTimeout(this.#noAgentTimer);
    this.#noAgentTimer = setTimeout(() => {
      const hasTalked = this.store.state.transcript.length > 0;
      const { remedies } = hasTalked ? AGENT_LEFT : NO_AGENT;
      this.store.set({ problem: { ...NO_AGENT, remedies } });
    }, this.limits.agentExpected_ms);
  }

  #expectNoAgent(): void {
    clearTimeout(this.#noAgentTimer);
  }

  #lookForAgent(): void {
    // One that has died is still there for seconds when the next one comes.
    const agents = [...this.room.remoteParticipants.values()].filter((who) => who.isAgent);
    const agent = agents.sort((one, other) => joinedAt(other) - joinedAt(one))[0] ?? null;
    const tracks = [...(agent?.audioTrackPublications.values() ?? [])].map(({ track }) => track);
    const voice = (tracks.find(Boolean) as RemoteTrack | undefined) ?? null;
    if (voice !== this.#voice) this.#watch.restart();
    this.#voice = voice;
    if (agent === this.#agent) return;
    this.#agent = agent;
    if (agent) this.#attributesChanged(agent);
  }

  #attributesChanged(who: Participant): void {
    if (who !== this.#agent) return;
    this.store.set({
      agent: agentStateOf(who.attributes["lk.agent.state"]),
      records: withRecord(this.store.state.records, who.attributes[RECORD_ATTRIBUTE]),
      recording: recordingOf(who.attributes[RECORDING_ATTRIBUTE]),
      breaks: withHistory(this.store.state.breaks, historyOf(who.attributes[HISTORY_ATTRIBUTE])),
    });
  }
}

function joinedAt(who: Participant): number {
  return who.joinedAt?.getTime() ?? 0;
}
