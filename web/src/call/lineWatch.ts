/**
 * Whether the line is alive and the agent sounds, told by what comes in.
 *
 * LiveKit's client notices a dead line after 15 s (its pings), and an agent whose process is gone
 * after 20 s. But an agent's track sends a packet at least every 0.4 s, in silence too (Opus, DTX),
 * and each end of a line sends connectivity checks every 2 to 2.5 s.
 */

import type { Limits } from "./limits";
import { pause } from "./retry";

const LOOK_EVERY_MS = 250;

/** How much has come so far, each count under a name of its own. */
export interface Received {
  /** Packets of the agent's sound. */
  readonly agent: ReadonlyMap<string, number>;
  /** All else that tells that the other end is there. */
  readonly line: ReadonlyMap<string, number>;
}

const COUNTS = ["packetsReceived", "bytesReceived", "responsesReceived", "requestsReceived"];

/** What WebRTC's statistics of a track say of it and of the transport beneath it. */
export function receivedOf(report: Iterable<readonly [string, Record<string, unknown>]>): Received {
  const agent = new Map<string, number>();
  const line = new Map<string, number>();
  for (const [id, stats] of report) {
    const kind = stats.type === "inbound-rtp" ? agent : line;
    if (kind === line && stats.type !== "transport" && stats.type !== "candidate-pair") continue;
    for (const name of COUNTS) {
      const count = stats[name];
      if (typeof count === "number") kind.set(`${id}.${name}`, count);
    }
  }
  return { agent, line };
}

/** Longer between two looks, and the page itself was asleep: that says nothing of the line. */
const LONGEST_LOOK_MS = 1_000;
/** What comes so much later than the agent's last sound was not lost with it: more than the time
 * between two of its packets in silence, and between two looks. */
const LATER_MS = 800;

export class LineWatch {
  #last: Received | null = null;
  #lastAt_ms = 0;
  #lineSilent_ms = 0;
  #agentSilent_ms = 0;
  /** The agent's sound has come, so that it can be missed. */
  #hasSounded = false;

  constructor(readonly limits: Limits) {}

  /** Another agent, or another connection: nothing of it is known yet. */
  restart(): void {
    this.#last = null;
    this.#lineSilent_ms = 0;
    this.#agentSilent_ms = 0;
    this.#hasSounded = false;
  }

  /** Takes in what has come until `now_ms` of a clock that never goes back. */
  look(received: Received, now_ms: number): void {
    // Not every browser tells of the transport: where nothing is counted, nothing is known.
    if (received.agent.size + received.line.size === 0) {
      this.restart();
      return;
    }
    const last = this.#last;
    const passed_ms = Math.min(now_ms - this.#lastAt_ms, LONGEST_LOOK_MS);
    this.#last = received;
    this.#lastAt_ms = now_ms;
    if (!last) return;
    const wasDown = this.lineIsDown;
    const sounds = hasGrown(last.agent, received.agent);
    this.#hasSounded ||= sounds;
    this.#agentSilent_ms = sounds ? 0 : this.#agentSilent_ms + passed_ms;
    const lives = sounds || hasGrown(last.line, received.line);
    // What came with the line is waited for anew: its first packet need not be the agent's.
    if (lives && wasDown) this.#agentSilent_ms = 0;
    this.#lineSilent_ms = lives ? 0 : this.#lineSilent_ms + passed_ms;
  }

  get lineIsDown(): boolean {
    // An agent that is missed while the line lives is not what this line is judged by.
    const expects = this.#hasSounded && !this.agentIsAway;
    const { lineSilent_ms, quietLineSilent_ms } = this.limits;
    return this.#lineSilent_ms >= (expects ? lineSilent_ms : quietLineSilent_ms);
  }

  /** Its sound has stopped, and something else has come since. */
  get agentIsAway(): boolean {
    if (!this.#hasSounded || this.#agentSilent_ms < this.limits.agentSilent_ms) return false;
    return this.#lineSilent_ms + LATER_MS < this.#agentSilent_ms;
  }
}

/**
 * Has `watch` look again and again until `signal` is aborted. `report`: what WebRTC knows now;
 * undefined where nothing can be asked: then nothing is known.
 */
export async function watching(
  watch: LineWatch,
  report: () => Promise<RTCStatsReport | undefined>,
  onLook: () => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const stats = await report().catch(() => undefined);
    if (signal.aborted) return;
    if (stats) watch.look(receivedOf(stats), performance.now());
    else watch.restart();
    onLook();
    await pause(LOOK_EVERY_MS, signal);
  }
}

function hasGrown(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): boolean {
  for (const [name, count] of now) if (count > (before.get(name) ?? 0)) return true;
  return false;
}
