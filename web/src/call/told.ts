/** What the agent tells beside audio and transcripts, put into the state of the call. */

import { agentProblem, type Problem } from "./problems";
import { type AgentProblem, isOver, turnOf } from "./recovery";
import { decodeRoomEvent } from "./roomEvents";
import type { CallStore } from "./store";
import { withCut } from "./transcript";

export class Told {
  /** The last turn that the agent told of, and what it last complained of. */
  #turn = 0;
  #complaint: AgentProblem | null = null;
  /** Told of a voice that was chosen and is not there: the usual one speaks. */
  onVoiceGone: (problem: Problem) => void = () => {};

  constructor(readonly store: CallStore) {}

  /** Another agent: it counts its turns anew, and what the last one complained of is its own. */
  restart(): void {
    this.#turn = 0;
    this.#endComplaint();
  }

  take(payload: Uint8Array): void {
    const event = decodeRoomEvent(payload);
    const { store } = this;
    switch (event?.type) {
      case "turn":
        this.#turn = event.turn;
        store.set({ turn: event.stages });
        if (this.#complaint && isOver(this.#complaint, event)) this.#endComplaint();
        break;
      case "floor":
        store.set({ floor: event.floor });
        break;
      case "interrupted":
        store.set({ transcript: withCut(store.state.transcript, event.heard) });
        break;
      case "results":
        store.set({ found: event.found, suggestions: [] });
        break;
      case "clarification":
        store.set({ suggestions: event.suggestions });
        break;
      case "recovered":
        if (this.#complaint?.problem.code === event.code) this.#endComplaint();
        break;
      case "error":
        this.#complain(agentProblem(event.code, event.message, event.fatal));
    }
  }

  #complain(problem: Problem): void {
    this.#complaint = { problem, turn: turnOf(this.#turn, this.store.state.agent) };
    this.store.set({ problem });
    if (problem.code === "voice_unavailable") this.onVoiceGone(problem);
  }

  #endComplaint(): void {
    const { problem } = this.store.state;
    if (problem && problem === this.#complaint?.problem) this.store.set({ problem: null });
    this.#complaint = null;
  }
}
