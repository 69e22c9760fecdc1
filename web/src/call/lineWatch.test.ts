import { expect, test } from "vitest";
import { limits } from "./limits";
import { LineWatch, receivedOf } from "./lineWatch";

const LOOK_MS = 250;

/** A call in time: `agent` and `line` send or do not, `until_ms`. */
class Wire {
  readonly watch = new LineWatch(limits());
  now_ms = 10_000;
  #agent = 0;
  #line = 0;

  run(for_ms: number, sends: { agent_ms?: number; line_ms?: number }): void {
    const end_ms = this.now_ms + for_ms;
    while (this.now_ms < end_ms) {
      this.now_ms += LOOK_MS;
      if (sends.agent_ms && this.now_ms % sends.agent_ms < LOOK_MS) this.#agent += 1;
      if (sends.line_ms && this.now_ms % sends.line_ms < LOOK_MS) this.#line += 1;
      this.look();
    }
  }

  look(): void {
    const agent = new Map([["a.packetsReceived", this.#agent]]);
    const line = new Map([["t.bytesReceived", this.#agent + this.#line]]);
    this.watch.look({ agent, line }, this.now_ms);
  }
}

const SILENCE = { agent_ms: 400, line_ms: 2_000 }; // a packet every 0.4 s in silence, checks every 2 s

test("a quiet call is no lost one", () => {
  const wire = new Wire();
  for (let second = 0; second < 60; second += 1) {
    wire.run(1_000, SILENCE);
    expect([wire.watch.lineIsDown, wire.watch.agentIsAway]).toEqual([false, false]);
  }
});

test("a dead line is known within 3 s, and no agent is blamed for it", () => {
  const wire = new Wire();
  wire.run(10_000, SILENCE);
  for (let passed_ms = 0; passed_ms < 2_000; passed_ms += LOOK_MS) {
    wire.run(LOOK_MS, {});
    expect([wire.watch.lineIsDown, wire.watch.agentIsAway]).toEqual([false, false]);
  }
  wire.run(1_000, {});
  expect([wire.watch.lineIsDown, wire.watch.agentIsAway]).toEqual([true, false]);
  wire.run(180_000, {});
  expect(wire.watch.lineIsDown).toBe(true);
  wire.run(LOOK_MS, { line_ms: LOOK_MS }); // what comes first is not the agent's
  expect([wire.watch.lineIsDown, wire.watch.agentIsAway]).toEqual([false, false]);
  wire.run(500, SILENCE);
  expect([wire.watch.lineIsDown, wire.watch.agentIsAway]).toEqual([false, false]);
});

test("an agent whose sound stops on a line that lives is away, and the line is not", () => {
  const wire = new Wire();
  wire.run(10_000, SILENCE);
  const seen = new Set<string>();
  for (let passed_ms = 0; passed_ms < 30_000; passed_ms += LOOK_MS) {
    wire.run(LOOK_MS, { line_ms: 2_000 });
    if (wire.watch.lineIsDown) seen.add("line down");
    if (wire.watch.agentIsAway) seen.add("agent away");
    if (passed_ms === 3_000) expect([...seen]).toEqual(["agent away"]);
  }
  expect([...seen]).toEqual(["agent away"]);
  wire.run(500, SILENCE);
  expect(wire.watch.agentIsAway).toBe(false);
});

test("nothing is known of an agent that has not sounded yet", () => {
  const wire = new Wire();
  wire.run(30_000, { line_ms: 2_000 });
  expect([wire.watch.lineIsDown, wire.watch.agentIsAway]).toEqual([false, false]);
  wire.run(5_000, {});
  expect(wire.watch.lineIsDown).toBe(true);
});

test("a page that was asleep does not take that for a loss", () => {
  const wire = new Wire();
  wire.run(10_000, SILENCE);
  wire.now_ms += 3_600_000;
  wire.look();
  expect(wire.watch.lineIsDown).toBe(false);
});

test("a browser that counts nothing is not told of a loss", () => {
  const watch = new LineWatch(limits());
  for (let now_ms = 0; now_ms < 60_000; now_ms += LOOK_MS) {
    watch.look({ agent: new Map(), line: new Map() }, now_ms);
    expect(watch.lineIsDown).toBe(false);
  }
});

test("after a restart nothing is missed", () => {
  const wire = new Wire();
  wire.run(10_000, SILENCE);
  wire.run(5_000, {});
  wire.watch.restart();
  expect(wire.watch.lineIsDown).toBe(false);
});

test("the agent's sound is told from what else a connection gets", () => {
  const received = receivedOf([
    ["I1", { type: "inbound-rtp", packetsReceived: 7, bytesReceived: 700, jitter: 0.1 }],
    ["T1", { type: "transport", bytesReceived: 900, dtlsState: "connected" }],
    ["P1", { type: "candidate-pair", responsesReceived: 3, requestsReceived: 4, bytesSent: 5 }],
    ["O1", { type: "outbound-rtp", packetsSent: 9 }],
  ]);
  expect([...received.agent.keys()]).toEqual(["I1.packetsReceived", "I1.bytesReceived"]);
  expect([...received.line]).toEqual([
    ["T1.bytesReceived", 900],
    ["P1.responsesReceived", 3],
    ["P1.requestsReceived", 4],
  ]);
});
