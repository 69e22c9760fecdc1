/** How loud a track is now. */

import { createAudioAnalyser, type LocalAudioTrack, type RemoteAudioTrack } from "livekit-client";

const QUIETEST_DBFS = -55;
const LOUDEST_DBFS = -10;

export class Meter {
  #analyzed: MediaStreamTrack | null = null;
  #analyser: AnalyserNode | null = null;
  #samples = new Float32Array(0);
  #close = () => {};

  constructor(readonly track: LocalAudioTrack | RemoteAudioTrack) {}

  /** From 0 (quiet) to 1 (loud), over about the last 40 ms. */
  level(): number {
    // Another microphone gives the same LiveKit track another media track.
    if (this.#analyzed !== this.track.mediaStreamTrack) this.#open();
    if (!this.#analyser) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let energy = 0;
    for (const sample of this.#samples) energy += sample * sample;
    return loudness(Math.sqrt(energy / this.#samples.length));
  }

  close(): void {
    this.#close();
    this.#analyser = null;
  }

  #open(): void {
    this.#close();
    const { analyser, cleanup } = createAudioAnalyser(this.track, { fftSize: 2048 });
    this.#analyzed = this.track.mediaStreamTrack;
    this.#analyser = analyser;
    this.#samples = new Float32Array(analyser.fftSize);
    this.#close = () => void cleanup();
  }
}

/** An RMS amplitude on the scale on which ears judge it, cut to 0..1. */
export function loudness(rms: number): number {
  const dbfs = 20 * Math.log10(Math.max(rms, 1e-6));
  const level = (dbfs - QUIETEST_DBFS) / (LOUDEST_DBFS - QUIETEST_DBFS);
  return Math.min(1, Math.max(0, level)) ** 1.5;
}
