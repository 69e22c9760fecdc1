/** The person's microphone in a call: on, muted or off as they want it, whatever the line does. */

import { LocalAudioTrack, type Room, RoomEvent, Track } from "livekit-client";
import { watchPermission } from "./microphoneHelp";
import { microphoneProblem, microphoneProblemInCall } from "./problems";
import type { Sound } from "./sound";
import type { CallState } from "./state";
import type { CallStore } from "./store";

export class Microphone {
  /** What the person wants, also while nothing can be published. */
  wanted: CallState["microphone"] = "off";

  constructor(
    readonly room: Room,
    readonly store: CallStore,
    readonly sound: Sound,
  ) {
    const changed = () => this.#changed();
    room
      .on(RoomEvent.LocalTrackPublished, changed)
      .on(RoomEvent.LocalTrackUnpublished, changed)
      .on(RoomEvent.TrackMuted, changed)
      .on(RoomEvent.TrackUnmuted, changed);
  }

  /** Throws what the browser throws. */
  async open(): Promise<LocalAudioTrack> {
    const [track] = await this.room.localParticipant.createTracks({ audio: true });
    if (track instanceof LocalAudioTrack) return track;
    throw new Error("the browser gave no audio track");
  }

  /** As it was before the call was lost; where that fails the call goes on without. */
  async reopen(signal: AbortSignal): Promise<void> {
    if (this.wanted === "off") return;
    try {
      const track = await this.open();
      if (signal.aborted) return track.stop();
      if (this.wanted === "muted") await track.mute();
      await this.room.localParticipant.publishTrack(track);
    } catch (error) {
      this.tellOf(error);
    }
  }

  async toggle(): Promise<void> {
    const { state } = this.store;
    const published = this.room.localParticipant.getTrackPublication(Track.Source.Microphone);
    if (!published && state.phase !== "live") return;
    const enable = state.microphone !== "on";
    try {
      await this.room.localParticipant.setMicrophoneEnabled(enable);
      this.wanted = enable ? "on" : "muted";
    } catch (error) {
      this.tellOf(error);
    }
  }

  /** `device` empty: the browser's default. */
  async choose(device: string): Promise<void> {
    try {
      await this.room.switchActiveDevice("audioinput", device || "default", false);
      this.store.recovered("microphone-is-on");
    } catch (error) {
      this.tellOf(error);
    }
  }

  /** Why there is none; until it is allowed, where that is what is missing. */
  tellOf(error: unknown): void {
    const fault = this.store.state.phase === "idle" ? microphoneProblem : microphoneProblemInCall;
    this.store.set({ problem: fault(error, isSecureContext, navigator.userAgent) });
    void watchPermission(() => this.store.recovered("microphone-is-on"));
  }

  #changed(): void {
    const published = this.room.localParticipant.getTrackPublication(Track.Source.Microphone);
    this.sound.measure(published?.track);
    const microphone = published ? (published.isMuted ? "muted" : "on") : "off";
    this.store.set({ microphone });
    if (microphone === "on") this.store.recovered("microphone-is-on");
  }
}
