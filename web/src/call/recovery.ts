/** When what a banner says is over, so that none outlives its cause. */

import {
  AGENT_LEFT,
  AUDIO_BLOCKED,
  MICROPHONE_CODES,
  NO_AGENT,
  type Problem,
  STILL_LOST,
} from "./problems";
import type { TurnTold } from "./roomEvents";
import type { AgentState } from "./state";

/** What may happen that ends a problem. */
export type Recovery =
  | "agent-is-there"
  | "line-is-back"
  | "microphone-is-on"
  | "sound-plays"
  | "message-sent"
  | "voice-chosen"
  | "has-room";

const ENDED_BY: Readonly<Record<Recovery, readonly string[]>> = {
  "agent-is-there": [NO_AGENT.code, AGENT_LEFT.code],
  "line-is-back": [STILL_LOST.code],
  "microphone-is-on": MICROPHONE_CODES,
  "sound-plays": [AUDIO_BLOCKED.code],
  "message-sent": ["message_failed"],
  "voice-chosen": ["voice_failed", "voice_later", "voice_gone", "voice_unavailable"],
  "has-room": ["at_capacity", "no_agent_runs"],
};

/** What is left of `problem` after `recovery`. */
export function after(recovery: Recovery, problem: Problem | null): Problem | null {
  return problem && ENDED_BY[recovery].includes(problem.code) ? null : problem;
}

/** Whether something that happens in a call ends the problem of this code. */
export function isEndedByRecovery(code: string): boolean {
  return Object.values(ENDED_BY).some((codes) => codes.includes(code));
}

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
