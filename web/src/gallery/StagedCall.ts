import { Call } from "../call/call";
import type { CallState } from "../call/state";
import { COLUMN_MS, sampleTalk } from "../ui/ribbon";
import { turnTold } from "./states";

const TALK = sampleTalk(240);

/** A call that was never held: it is in whatever state it is put, and both sides speak in it. */
export class StagedCall extends Call {
  #staged: CallState;
  readonly #followers = new Set<() => void>();

  constructor(state: CallState) {
    super();
    this.#staged = state;
    if (state.turn) this.story.take(turnTold(state.turn));
  }

  override get state(): CallState {
    return this.#staged;
  }

  override subscribe(follower: () => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  override levels(): { person: number; agent: number } {
    if (this.#staged.phase !== "live") return { person: 0, agent: 0 };
    const column = TALK[Math.floor(performance.now() / COLUMN_MS) % TALK.length];
    return column ?? { person: 0, agent: 0 };
  }

  show(change: Partial<CallState>): void {
    this.#staged = { ...this.#staged, ...change };
    for (const follower of this.#followers) follower();
    if (change.turn) this.story.take(turnTold(change.turn));
  }
}
