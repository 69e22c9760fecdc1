/** Whether what the agent complained of is over. */

import type { Problem } from "./problems";
import type { TurnTold } from "./roomEvents";
import type { AgentState } from "./state";

/** A problem the agent told of, and the turn it was in. */
export interface AgentProblem {
  readonly problem: Problem;
  readonly turn: number;
}

/**
 * The turn that a problem belongs to. While the agent thinks nothing of the turn has been told: its
 * first sound will be the apology.
 */
export function turnOf(lastTold: number, agent: AgentState): number {
  return agent === "thinking" ? lastTold + 1 : lastTold;
}

/** Whether a later turn has been answered; of what is typed nothing is heard. */
export function isOver({ problem, turn }: AgentProblem, told: TurnTold): boolean {
  if (told.filler || told.turn <= turn) return false;
  return problem.code !== "asr_unavailable" || told.stages.asr_ms !== null;
}
