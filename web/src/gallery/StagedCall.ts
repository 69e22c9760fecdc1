import { Call } from "../call/call";
import type { CallState } from "../call/state";
import { COLUMN_MS, sampleTalk } from "../ui/ribbon";
import { TURN } from "./states";

const TALK = sampleTalk(240);

/** A call that was never held: it is in whatever state it is put, and both sides speak in it. */
export class StagedCall extends Call {
  #staged: CallState;
  readonly #followers = new Set<() => void>();

  constructor(state: CallState) {
    super();
    this.#staged = state;
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

  /** A change of `turn` is also told as the agent tells it. */
  show(change: Partial<CallState>): void {
    if (change.turn) this.story.take(new TextEncoder().encode(JSON.stringify(TURN)));
    this.#staged = { ...this.#staged, ...change };
    for (const follower of this.#followers) follower();
  }
}
