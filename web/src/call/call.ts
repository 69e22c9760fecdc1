/** One page's call: from the microphone to the last word. */

import {
  DefaultReconnectPolicy,
  type DisconnectReason,
  type LocalAudioTrack,
  Room,
  type RoomConnectOptions,
  RoomEvent,
} from "livekit-client";
import { admitted } from "./admission";
import type { CallAccess, CallWish } from "./gateway";
import { readHeard } from "./hearing";
import { limits } from "./limits";
import { Microphone } from "./microphone";
import { Presence } from "./presence";
import {
  AUDIO_BLOCKED,
  endProblem,
  hasEnded,
  messageProblem,
  type Problem,
  startProblem,
  voiceProblem,
} from "./problems";
import { rejoined } from "./rejoin";
import { EVENTS_TOPIC, SET_VOICE_METHOD } from "./roomEvents";
import { Sound } from "./sound";
import { type CallState, IDLE } from "./state";
import { CallStore } from "./store";
import { Story } from "./story";
import { Told } from "./told";
import { settled, withHeard, withTyped } from "./transcript";

const VOICE_CHANGE_TIMEOUT_MS = 15_000; // the agent gives up sooner, and says why
/** Who comes back has a network that was bad: the next try is soon. */
const REJOIN: RoomConnectOptions = {
  maxRetries: 0,
  websocketTimeout: 5_000,
  peerConnectionTimeout: 10_000,
};

export class Call {
  readonly #limits = limits();
  readonly #room = new Room({
    audioCaptureDefaults: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    ...(this.#limits.livekitRetries_ms && {
      reconnectPolicy: new DefaultReconnectPolicy([...this.#limits.livekitRetries_ms]),
    }),
  });
  readonly #store = new CallStore();
  readonly #sound = new Sound();
  readonly #told = new Told(this.#store);
  readonly #presence = new Presence(this.#room, this.#store, this.#limits);
  readonly #microphone = new Microphone(this.#room, this.#store, this.#sound);
  #attempt = new AbortController();
  #rejoins = false;
  #streams = 0;
  /** Told when the voice that was chosen turned out not to be there: the usual one is. */
  onVoiceGone: () => void = () => {};
  /** What the agent tells of the call beside its words. */
  readonly story = new Story();
  /** Who the agent is to be in the next call. */
  asks = { character: "", instructions: "" };

  /**
   * `app` answers: one of the apps of this Parley; empty: the usual one. `last`: what is left of
   * an earlier call.
   */
  constructor(
    readonly app = "",
    last: CallState = IDLE,
  ) {
    this.#store.set(last);
    this.#presence.onAnother = () => {
      this.#told.restart();
      this.#store.set({ transcript: settled(this.state.transcript) });
    };
    this.#told.onVoiceGone = (problem) => this.#voiceGone(problem);
    this.#room
      .on(RoomEvent.ActiveSpeakersChanged, (speakers) =>
        this.#store.set({ personSpeaks: speakers.includes(this.#room.localParticipant) }),
      )
      .on(RoomEvent.TrackSubscribed, (track) => this.#sound.play(track))
      .on(RoomEvent.TrackUnsubscribed, (track) => this.#sound.stop(track))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => {
        if (this.#room.canPlaybackAudio) this.#store.recovered("sound-plays");
        else this.#store.set({ problem: AUDIO_BLOCKED });
      })
      .on(RoomEvent.DataReceived, (payload, who, _, topic) => {
        if (topic !== EVENTS_TOPIC || who !== this.#presence.agent) return;
        this.#told.take(payload);
        this.story.take(payload);
      })
      .on(RoomEvent.Disconnected, (reason) => this.#disconnected(reason));
    this.#room.registerTextStreamHandler("lk.transcription", (reader, { identity }) => {
      const { signal } = this.#attempt;
      const speaker = identity === this.#room.localParticipant.identity ? "person" : "agent";
      this.#streams += 1;
      void readHeard(reader, speaker, this.#streams, (heard) => {
        if (signal.aborted) return;
        this.#store.set({ transcript: withHeard(this.state.transcript, heard) });
      });
    });
  }

  get state(): CallState {
    return this.#store.state;
  }

  subscribe(listener: () => void): () => void {
    return this.#store.subscribe(listener);
  }

  /** How loud each side is now, from 0 to 1. */
  levels(): { person: number; agent: number } {
    const { person, agent } = this.#sound.levels();
    return { person: this.state.microphone === "on" ? person : 0, agent };
  }

  /**
   * Begins a call with the voice that is set; `microphone` false: the person only types. `goesOn`:
   * with the conversation of the last call, whose transcript stays.
   */
  async start(microphone = true, goesOn = false): Promise<void> {
    const { phase, voice, transcript, breaks, session, records } = this.state;
    if (phase !== "idle") return;
    this.#attempt = new AbortController();
    const { signal } = this.#attempt;
    if (!goesOn) this.#presence.forget();
    const resumed = this.#presence.hasLost;
    if (goesOn) this.#presence.miss("call");
    const before = goesOn ? { transcript, breaks, session, records } : {};
    this.#store.set({ ...IDLE, ...before, voice, phase: "starting", asksMicrophone: microphone });
    this.#microphone.wanted = microphone ? "on" : "off";
    let track: LocalAudioTrack | null = null;
    try {
      if (microphone) track = await this.#microphone.open();
      if (signal.aborted) return track?.stop();
      this.#store.set({ asksMicrophone: false });
    } catch (error) {
      if (signal.aborted) return;
      this.#over(null);
      return this.#microphone.tellOf(error);
    }
    try {
      const access = await this.#admitted({ ...this.#wish(), resumed }, signal);
      if (signal.aborted) return track?.stop();
      await this.#enter(access);
      if (track && !signal.aborted) await this.#room.localParticipant.publishTrack(track);
    } catch (error) {
      track?.stop();
      if (!signal.aborted) this.#over(startProblem(error));
      return this.#room.disconnect();
    }
    if (signal.aborted) return track?.stop();
    this.#presence.begin(signal);
  }

  /**
   * A call that goes on with the conversation of this one, or of the last; who only typed goes on
   * typing.
   */
  async again(): Promise<void> {
    const spoke = this.state.transcript.some((line) => line.speaker === "person" && !line.typed);
    const talks = spoke || this.#microphone.wanted !== "off";
    if (this.state.phase !== "idle") await this.end();
    await this.start(talks, true);
  }

  async end(): Promise<void> {
    this.#over(null);
    await this.#room.disconnect();
  }

  toggleMicrophone(): Promise<void> {
    return this.#microphone.toggle();
  }

  /** Sends what was typed; false when it could not be sent. */
  async write(text: string): Promise<boolean> {
    try {
      await this.#room.localParticipant.sendText(text, { topic: "lk.chat" });
    } catch (error) {
      this.#store.set({ problem: messageProblem(error) });
      return false;
    }
    this.#store.recovered("message-sent");
    this.#streams += 1;
    const id = `typed-${this.#streams}`;
    const transcript = withTyped(this.state.transcript, id, text, Date.now());
    this.#store.set({ transcript });
    return true;
  }

  /** Takes effect at once in a call, else with the next one; false: it stays as it was. */
  async setVoice(voice: string): Promise<boolean> {
    const before = this.state.voice;
    if (voice === before) return true;
    this.#store.set({ voice, voiceChanging: true });
    try {
      const { agent } = this.#presence;
      const inUse = agent && (await this.#changeVoice(agent.identity, voice));
      this.#store.set({ voice: inUse || voice });
      this.#store.recovered("voice-chosen");
      return true;
    } catch (error) {
      const problem = voiceProblem(error, voice);
      const isKept = problem.code === "voice_later";
      this.#store.set({ problem, voice: isKept ? voice : before });
      return isKept;
    } finally {
      this.#store.set({ voiceChanging: false });
    }
  }

  /** `device` empty: the browser's default. Chooses for this call and the next ones. */
  async chooseDevice(kind: "audioinput" | "audiooutput", device: string): Promise<void> {
    if (kind === "audioinput") return this.#microphone.choose(device);
    try {
      await this.#room.switchActiveDevice(kind, device || "default", false);
    } catch {
      // The browser keeps the loudspeaker it had.
    }
  }

  /** Plays what the browser held back; needs a click. */
  async hear(): Promise<void> {
    await this.#room.startAudio();
  }

  dismissProblem(): void {
    this.#store.set({ problem: null });
  }

  #wish(): CallWish {
    const { voice, session } = this.state;
    return { voice, app: this.app, session, ...this.asks };
  }

  #admitted(wish: CallWish, signal: AbortSignal): Promise<CallAccess> {
    const waiting = {
      onNoRoom: (problem: Problem) => this.#store.set({ problem }),
      onRetry: (retryAt: number) => this.#store.set({ retryAt }),
      onRoom: () => {
        this.#store.set({ retryAt: null });
        this.#store.recovered("has-room");
      },
      onVoiceGone: (problem: Problem) => this.#voiceGone(problem),
    };
    return admitted(wish, waiting, signal);
  }

  async #enter(access: CallAccess, how?: RoomConnectOptions): Promise<void> {
    this.#store.set({ session: access.session });
    await this.#room.connect(access.url, access.token, how);
  }

  #changeVoice(agent: string, voice: string): Promise<string> {
    return this.#room.localParticipant.performRpc({
      destinationIdentity: agent,
      method: SET_VOICE_METHOD,
      payload: voice,
      responseTimeout: VOICE_CHANGE_TIMEOUT_MS,
    });
  }

  /** The usual voice speaks in place of the chosen one. */
  #voiceGone(problem: Problem): void {
    this.#store.set({ voice: "", problem });
    this.onVoiceGone();
  }

  #disconnected(reason: DisconnectReason | undefined): void {
    const { phase } = this.state;
    if (phase === "idle" || phase === "starting" || this.#rejoins) return;
    if (hasEnded(reason)) this.#over(endProblem(reason));
    else void this.#rejoin(endProblem(reason));
  }

  /** Enters the call again; `given`: what the person is told where that is given up. */
  async #rejoin(given: Problem | null): Promise<void> {
    const { signal } = this.#attempt;
    this.#rejoins = true;
    this.#presence.reconnecting(true);
    const until_ms = this.#presence.missedSince_ms + this.#limits.givenUp_ms;
    const wish = { ...this.#wish(), resumed: true };
    const enter = async (access: CallAccess) => {
      await this.#enter(access, REJOIN);
      await this.#microphone.reopen(signal);
    };
    const isBack = await rejoined(wish, enter, this.#limits, until_ms, signal);
    if (signal.aborted) return;
    this.#rejoins = false;
    if (isBack) this.#presence.reconnecting(false);
    else this.#over(given);
  }

  #over(problem: Problem | null): void {
    this.#attempt.abort();
    this.#rejoins = false;
    this.#presence.end();
    this.#told.restart();
    this.#sound.close();
    const { voice, session, records, transcript, breaks, turn } = this.state;
    const kept = { voice, session, records, turn, breaks, transcript: settled(transcript) };
    this.#store.set({ ...IDLE, ...kept, problem });
  }
}
