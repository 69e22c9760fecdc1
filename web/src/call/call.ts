/** One page's call: from the microphone to the last word. */

import {
  type ConnectionQuality,
  type DisconnectReason,
  LocalAudioTrack,
  type Participant,
  type RemoteParticipant,
  type RemoteTrack,
  Room,
  RoomEvent,
  type TextStreamReader,
  Track,
} from "livekit-client";
import { type CallAccess, requestAccess } from "./gateway";
import { Meter } from "./meter";
import {
  AGENT_LEFT,
  AUDIO_BLOCKED,
  endProblem,
  messageProblem,
  microphoneProblem,
  NO_AGENT,
  noRoomProblem,
  type Problem,
  STILL_LOST,
  startProblem,
  voiceProblem,
} from "./problems";
import { type AgentProblem, isOver, turnOf } from "./recovery";
import { pause, retryAfterMs } from "./retry";
import {
  decodeRoomEvent,
  EVENTS_TOPIC,
  RECORD_ATTRIBUTE,
  RECORDING_ATTRIBUTE,
  SET_VOICE_METHOD,
} from "./roomEvents";
import { agentStateOf, type CallState, IDLE, recordingOf, withRecord } from "./state";
import { settled, withCut, withHeard, withTyped } from "./transcript";

const AGENT_EXPECTED_WITHIN_MS = 10_000;
const BACK_WITHIN_MS = 15_000; // a connection that takes longer may not come back at all
const VOICE_CHANGE_TIMEOUT_MS = 15_000; // the agent gives up sooner, and says why

export class Call {
  readonly #room = new Room({
    audioCaptureDefaults: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  readonly #listeners = new Set<() => void>();
  readonly #audio = document.body.appendChild(document.createElement("audio"));
  #state: CallState;
  #attempt = new AbortController();
  #agent: RemoteParticipant | null = null;
  #noAgentTimer: ReturnType<typeof setTimeout> | undefined;
  #lostTimer: ReturnType<typeof setTimeout> | undefined;
  #streams = 0;
  /** The last turn that the agent told of, and what it last complained of. */
  #turnTold = 0;
  #complaint: AgentProblem | null = null;
  #personMeter: Meter | null = null;
  #agentMeter: Meter | null = null;

  /**
   * `app` answers: one of the apps of this Parley; empty: the usual one. `last`: what is left of
   * an earlier call.
   */
  constructor(
    readonly app = "",
    last: CallState = IDLE,
  ) {
    this.#state = last;
    this.#room
      .on(RoomEvent.ParticipantConnected, () => this.#lookForAgent())
      .on(RoomEvent.ParticipantDisconnected, (who) => who === this.#agent && this.#agentLeft())
      .on(RoomEvent.ParticipantAttributesChanged, (_, who) => this.#attributesChanged(who))
      .on(RoomEvent.ActiveSpeakersChanged, (speakers) =>
        this.#set({ personSpeaks: speakers.includes(this.#room.localParticipant) }),
      )
      .on(RoomEvent.ConnectionQualityChanged, (quality, who) => this.#qualityChanged(quality, who))
      .on(RoomEvent.TrackSubscribed, (track) => this.#play(track))
      .on(RoomEvent.TrackUnsubscribed, (track) => this.#stopPlaying(track))
      .on(RoomEvent.LocalTrackPublished, () => this.#microphoneChanged())
      .on(RoomEvent.LocalTrackUnpublished, () => this.#microphoneChanged())
      .on(RoomEvent.TrackMuted, () => this.#microphoneChanged())
      .on(RoomEvent.TrackUnmuted, () => this.#microphoneChanged())
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.#playbackChanged())
      .on(RoomEvent.DataReceived, (payload, who, _, topic) => {
        if (topic === EVENTS_TOPIC && who === this.#agent) this.#roomEvent(payload);
      })
      .on(RoomEvent.SignalReconnecting, () => this.#reconnecting())
      .on(RoomEvent.Reconnecting, () => this.#reconnecting())
      .on(RoomEvent.Reconnected, () => this.#reconnected())
      .on(RoomEvent.Disconnected, (reason) => this.#disconnected(reason));
    this.#room.registerTextStreamHandler("lk.transcription", (reader, { identity }) => {
      void this.#transcribe(reader, identity);
    });
  }

  get state(): CallState {
    return this.#state;
  }

  /** How loud each side is now, from 0 to 1. */
  levels(): { person: number; agent: number } {
    const heard = this.#state.microphone === "on";
    return {
      person: heard ? (this.#personMeter?.level() ?? 0) : 0,
      agent: this.#agentMeter?.level() ?? 0,
    };
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Begins a call with the voice that is set. `microphone` false: the person only types; `goesOn`:
   * with the conversation of the last call.
   */
  async start(microphone = true, goesOn = false): Promise<void> {
    if (this.#state.phase !== "idle") return;
    this.#attempt = new AbortController();
    const { signal } = this.#attempt;
    const { voice, transcript, session, records } = this.#state;
    const before = goesOn ? { transcript, session, records } : {};
    this.#set({ ...IDLE, ...before, voice, phase: "starting", asksMicrophone: microphone });
    let track: LocalAudioTrack | null = null;
    let access: CallAccess | null = null;
    try {
      if (microphone) track = await this.#openMicrophone();
      if (signal.aborted) return track?.stop();
      this.#set({ asksMicrophone: false });
    } catch (error) {
      return this.#fail(signal, microphoneProblem(error, window.isSecureContext));
    }
    try {
      access = await this.#admitted(signal);
      if (signal.aborted) return track?.stop();
      this.#set({ session: access.session });
      await this.#room.connect(access.url, access.token);
      if (track && !signal.aborted) await this.#room.localParticipant.publishTrack(track);
    } catch (error) {
      track?.stop();
      this.#fail(signal, startProblem(error, access?.url ?? ""));
      return this.#room.disconnect();
    }
    if (signal.aborted) return track?.stop();
    this.#set({ phase: "waiting" });
    this.#lookForAgent();
    if (!this.#agent) this.#expectAgent(NO_AGENT);
  }

  /** Access to a call, asked for until there is room for it. */
  async #admitted(signal: AbortSignal): Promise<CallAccess> {
    let told = "";
    for (;;) {
      try {
        const access = await requestAccess(
          { voice: this.#state.voice, app: this.app, session: this.#state.session },
          signal,
        );
        if (told && !signal.aborted) this.#set({ problem: null, retryAt: null });
        return access;
      } catch (error) {
        const problem = noRoomProblem(error);
        if (!problem || signal.aborted) throw error;
        const waitMs = retryAfterMs(error);
        // Told once: who has read and dismissed it is not told with every try.
        if (told !== problem.code) this.#set({ problem });
        told = problem.code;
        this.#set({ retryAt: Date.now() + waitMs });
        await pause(waitMs, signal);
      }
    }
  }

  /** A call that goes on with the conversation of the last; who only typed goes on typing. */
  async again(): Promise<void> {
    const { transcript } = this.#state;
    await this.start(
      transcript.some((line) => line.speaker === "person" && !line.typed),
      true,
    );
  }

  async end(): Promise<void> {
    this.#attempt.abort();
    this.#over(null);
    await this.#room.disconnect();
  }

  async toggleMicrophone(): Promise<void> {
    if (!this.#room.localParticipant.getTrackPublication(Track.Source.Microphone)) {
      if (this.#state.phase !== "live") return;
    }
    const enable = this.#state.microphone !== "on";
    try {
      await this.#room.localParticipant.setMicrophoneEnabled(enable);
    } catch (error) {
      // The call goes on as it was: typed, or with the microphone that it has.
      this.#set({ problem: { ...microphoneProblem(error, window.isSecureContext), remedies: [] } });
    }
  }

  /** Sends what was typed; false when it could not be sent. */
  async write(text: string): Promise<boolean> {
    try {
      await this.#room.localParticipant.sendText(text, { topic: "lk.chat" });
    } catch (error) {
      this.#set({ problem: messageProblem(error) });
      return false;
    }
    this.#streams += 1;
    const transcript = withTyped(
      this.#state.transcript,
      `typed-${this.#streams}`,
      text,
      Date.now(),
    );
    this.#set({ transcript });
    return true;
  }

  /** Takes effect at once in a call, else with the next one; false: it stays as it was. */
  async setVoice(voice: string): Promise<boolean> {
    const before = this.#state.voice;
    if (!this.#agent) {
      this.#set({ voice });
      return true;
    }
    this.#set({ voice, voiceChanging: true });
    try {
      const inUse = await this.#room.localParticipant.performRpc({
        destinationIdentity: this.#agent.identity,
        method: SET_VOICE_METHOD,
        payload: voice,
        responseTimeout: VOICE_CHANGE_TIMEOUT_MS,
      });
      this.#set({ voice: inUse || voice });
      return true;
    } catch (error) {
      const problem = voiceProblem(error, voice);
      this.#set({ problem });
      const isKept = problem.code === "voice_later";
      if (!isKept) this.#set({ voice: before });
      return isKept;
    } finally {
      this.#set({ voiceChanging: false });
    }
  }

  /** `device` empty: the browser's default. Chooses for this call and the next ones. */
  async chooseDevice(kind: "audioinput" | "audiooutput", device: string): Promise<void> {
    try {
      await this.#room.switchActiveDevice(kind, device || "default", false);
    } catch (error) {
      if (kind === "audiooutput") return; // the browser keeps the loudspeaker it had
      const { remedies, ...problem } = microphoneProblem(error, window.isSecureContext);
      const inCall = this.#state.phase !== "idle";
      this.#set({ problem: { ...problem, remedies: inCall ? [] : remedies } });
    }
  }

  /** Plays what the browser held back; needs a click. */
  async hear(): Promise<void> {
    await this.#room.startAudio();
  }

  dismissProblem(): void {
    this.#set({ problem: null });
  }

  #set(change: Partial<CallState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }

  async #openMicrophone(): Promise<LocalAudioTrack> {
    const [track] = await this.#room.localParticipant.createTracks({ audio: true });
    if (track instanceof LocalAudioTrack) return track;
    throw new Error("the browser gave no audio track");
  }

  #fail(signal: AbortSignal, problem: Problem): void {
    if (!signal.aborted) this.#over(problem);
  }

  #over(problem: Problem | null): void {
    clearTimeout(this.#noAgentTimer);
    clearTimeout(this.#lostTimer);
    this.#agent = null;
    this.#turnTold = 0;
    this.#complaint = null;
    this.#personMeter?.close();
    this.#personMeter = null;
    this.#agentMeter?.close();
    this.#agentMeter = null;
    const { voice, turn, session, records } = this.#state;
    const kept = { voice, turn, session, records, transcript: settled(this.#state.transcript) };
    this.#set({ ...IDLE, ...kept, problem });
  }

  #disconnected(reason: DisconnectReason | undefined): void {
    const { phase } = this.#state;
    if (phase !== "idle" && phase !== "starting") this.#over(endProblem(reason));
  }

  #lookForAgent(): void {
    // One that has died is still there for seconds when the next one comes.
    const agents = [...this.#room.remoteParticipants.values()].filter((who) => who.isAgent);
    const agent = agents.sort((one, other) => joinedAt(other) - joinedAt(one))[0];
    if (!agent || agent === this.#agent || this.#state.phase === "starting") return;
    clearTimeout(this.#noAgentTimer);
    this.#agent = agent;
    const { phase, problem } = this.#state;
    const waited = problem?.code === NO_AGENT.code || problem?.code === AGENT_LEFT.code;
    this.#set({
      phase: phase === "reconnecting" ? phase : "live",
      problem: waited ? null : problem,
    });
    this.#attributesChanged(agent);
  }

  #agentLeft(): void {
    this.#agent = null;
    // While the connection is being restored, everyone seems to leave.
    if (this.#state.phase === "reconnecting") return;
    const left = { phase: "waiting", agent: "initializing", recording: "" } as const;
    this.#set({ ...left, problem: AGENT_LEFT });
    this.#expectAgent(NO_AGENT);
  }

  #reconnecting(): void {
    if (this.#state.phase === "reconnecting") return;
    this.#set({ phase: "reconnecting" });
    clearTimeout(this.#lostTimer);
    this.#lostTimer = setTimeout(() => this.#set({ problem: STILL_LOST }), BACK_WITHIN_MS);
  }

  #reconnected(): void {
    clearTimeout(this.#lostTimer);
    this.#lookForAgent();
    this.#set({ phase: this.#agent ? "live" : "waiting" });
    if (this.#state.problem === STILL_LOST) this.#set({ problem: null });
    if (!this.#agent) this.#expectAgent(NO_AGENT);
  }

  #expectAgent(problem: Problem): void {
    clearTimeout(this.#noAgentTimer);
    this.#noAgentTimer = setTimeout(() => this.#set({ problem }), AGENT_EXPECTED_WITHIN_MS);
  }

  #attributesChanged(who: Participant): void {
    if (who !== this.#agent) return;
    this.#set({
      records: withRecord(this.#state.records, who.attributes[RECORD_ATTRIBUTE]),
      agent: agentStateOf(who.attributes["lk.agent.state"]),
      recording: recordingOf(who.attributes[RECORDING_ATTRIBUTE]),
    });
  }

  #qualityChanged(quality: ConnectionQuality, who: Participant): void {
    if (who.isLocal) this.#set({ quality });
  }

  #microphoneChanged(): void {
    const publication = this.#room.localParticipant.getTrackPublication(Track.Source.Microphone);
    const track = publication?.track;
    if (track instanceof LocalAudioTrack && track !== this.#personMeter?.track) {
      this.#personMeter?.close();
      this.#personMeter = new Meter(track);
    }
    this.#set({ microphone: publication ? (publication.isMuted ? "muted" : "on") : "off" });
  }

  #play(track: RemoteTrack): void {
    if (track.kind !== Track.Kind.Audio) return;
    track.attach(this.#audio);
    this.#agentMeter?.close();
    this.#agentMeter = new Meter(track as ConstructorParameters<typeof Meter>[0]);
  }

  #stopPlaying(track: RemoteTrack): void {
    track.detach(this.#audio);
    if (this.#agentMeter && this.#agentMeter.track === (track as unknown)) {
      this.#agentMeter.close();
      this.#agentMeter = null;
    }
  }

  #playbackChanged(): void {
    const { problem } = this.#state;
    if (!this.#room.canPlaybackAudio) this.#set({ problem: AUDIO_BLOCKED });
    else if (problem?.code === AUDIO_BLOCKED.code) this.#set({ problem: null });
  }

  #roomEvent(payload: Uint8Array): void {
    const event = decodeRoomEvent(payload);
    switch (event?.type) {
      case "turn":
        this.#turnTold = event.turn;
        this.#set({ turn: event.stages });
        if (this.#complaint && isOver(this.#complaint, event)) this.#recovered();
        break;
      case "floor":
        this.#set({ floor: event.floor });
        break;
      case "interrupted":
        this.#set({ transcript: withCut(this.#state.transcript, event.heard) });
        break;
      case "results":
        this.#set({ found: event.found, suggestions: [] });
        break;
      case "clarification":
        this.#set({ suggestions: event.suggestions });
        break;
      case "error": {
        const problem: Problem = {
          code: event.code,
          title: event.fatal ? "The call cannot go on" : "Something went wrong",
          detail: event.message,
          remedies: event.fatal ? ["call-again"] : [],
        };
        this.#complaint = { problem, turn: turnOf(this.#turnTold, this.#state.agent) };
        this.#set({ problem });
      }
    }
  }

  /** What the agent complained of is over: it has answered a later turn. */
  #recovered(): void {
    if (this.#state.problem === this.#complaint?.problem) this.#set({ problem: null });
    this.#complaint = null;
  }

  async #transcribe(reader: TextStreamReader, identity: string): Promise<void> {
    const attempt = this.#attempt;
    const speaker = identity === this.#room.localParticipant.identity ? "person" : "agent";
    const segment = reader.info.attributes?.["lk.segment_id"] ?? reader.info.id;
    this.#streams += 1;
    const stream = this.#streams;
    let text = "";
    const take = (final: boolean) => {
      if (attempt !== this.#attempt || attempt.signal.aborted) return;
      const heard = { segment, stream, speaker, text, final, at_ms: Date.now() } as const;
      this.#set({ transcript: withHeard(this.#state.transcript, heard) });
    };
    try {
      for await (const chunk of reader) {
        text += chunk;
        take(false);
      }
    } catch {
      // The connection broke it off: what has come so far is what was heard.
    }
    take(reader.info.attributes?.["lk.transcription_final"] === "true");
  }
}

function joinedAt(who: Participant): number {
  return who.joinedAt?.getTime() ?? 0;
}
