/** Plays a short sentence in a voice; one at a time. */

import { previewAddress } from "./gateway";
import { logDetails } from "./plain";

export class VoicePreview {
  readonly #audio = new Audio();

  /** Resolves when it has been heard or stopped; false: the voice cannot be heard now. */
  async play(voice: string): Promise<boolean> {
    this.stop();
    this.#audio.src = previewAddress(voice);
    const ended = new Promise<void>((resolve) => {
      for (const event of ["ended", "pause", "error"]) {
        this.#audio.addEventListener(event, () => resolve(), { once: true });
      }
    });
    try {
      await this.#audio.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return true; // stopped
      logDetails(`preview of ${voice}`, error);
      return false;
    }
    await ended;
    return true;
  }

  stop(): void {
    this.#audio.pause();
  }
}
