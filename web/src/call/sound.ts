/** What is heard and how loud both sides are: the agent's track on the page, and the meters. */

import { LocalAudioTrack, type RemoteTrack, Track } from "livekit-client";
import { Meter } from "./meter";

export class Sound {
  readonly #audio = document.body.appendChild(document.createElement("audio"));
  #person: Meter | null = null;
  #agent: Meter | null = null;

  /** From 0 to 1, now. */
  levels(): { person: number; agent: number } {
    return { person: this.#person?.level() ?? 0, agent: this.#agent?.level() ?? 0 };
  }

  /** The person's track, if they have one. */
  measure(track: Track | undefined): void {
    if (!(track instanceof LocalAudioTrack) || track === this.#person?.track) return;
    this.#person?.close();
    this.#person = new Meter(track);
  }

  play(track: RemoteTrack): void {
    if (track.kind !== Track.Kind.Audio) return;
    track.attach(this.#audio);
    this.#agent?.close();
    this.#agent = new Meter(track as ConstructorParameters<typeof Meter>[0]);
  }

  stop(track: RemoteTrack): void {
    track.detach(this.#audio);
    if (this.#agent && this.#agent.track === (track as unknown)) {
      this.#agent.close();
      this.#agent = null;
    }
  }

  /** The call is over. */
  close(): void {
    this.#person?.close();
    this.#person = null;
    this.#agent?.close();
    this.#agent = null;
  }
}
