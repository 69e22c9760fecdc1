/** Keeps a phone's screen on: one that goes dark takes the microphone with it. */

interface Sentinel {
  readonly released: boolean;
  release(): Promise<void>;
}

interface Page extends EventTarget {
  readonly visibilityState: string;
}

/**
 * Holds the lock until `release`. Browsers take it away while the page is hidden: it is asked for
 * again on the return.
 */
export class ScreenHold {
  #held: Sentinel | null = null;
  #asking = false;
  #over = false;

  constructor(
    readonly request: () => Promise<Sentinel>,
    readonly page: Page,
  ) {
    page.addEventListener("visibilitychange", this.#hold);
    void this.#hold();
  }

  async release(): Promise<void> {
    this.#over = true;
    this.page.removeEventListener("visibilitychange", this.#hold);
    await this.#held?.release();
  }

  readonly #hold = async (): Promise<void> => {
    const has = this.#held !== null && !this.#held.released;
    if (this.#over || this.#asking || has || this.page.visibilityState !== "visible") return;
    this.#asking = true;
    try {
      this.#held = await this.request();
      if (this.#over) await this.#held.release();
    } catch {
      // Low battery, or the browser does not want to: the call goes on.
    } finally {
      this.#asking = false;
    }
  };
}
