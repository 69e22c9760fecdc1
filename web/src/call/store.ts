/** The state of the page's call, and who wants to know of it. */

import { after, type Recovery } from "./recovery";
import { type CallState, IDLE } from "./state";

export class CallStore {
  readonly #listeners = new Set<() => void>();
  #state = IDLE;

  get state(): CallState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(change: Partial<CallState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** What this ends, nobody is told of any longer. */
  recovered(recovery: Recovery): void {
    const problem = after(recovery, this.#state.problem);
    if (problem !== this.#state.problem) this.set({ problem });
  }
}
