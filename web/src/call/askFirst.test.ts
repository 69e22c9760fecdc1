import { expect, test } from "vitest";
import { askFirst } from "./askFirst";
import { type CallState, IDLE } from "./state";

function pretended() {
  const listeners = new Set<() => void>();
  const call = {
    state: IDLE as CallState,
    written: [] as string[],
    microphone: true,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async start(microphone: boolean) {
      call.microphone = microphone;
      call.to({ phase: "starting" });
    },
    async write(text: string) {
      call.written.push(text);
      return true;
    },
    to(change: Partial<CallState>) {
      call.state = { ...call.state, ...change };
      for (const listener of [...listeners]) listener();
    },
    listeners,
  };
  return call;
}

test("the question is written once, when an agent is there to read it", () => {
  const call = pretended();
  askFirst(call, "Why?");
  expect(call.microphone).toBe(false);
  call.to({ phase: "live" });
  expect(call.written).toEqual([]);
  call.to({ agent: "speaking" });
  call.to({ agent: "listening" });
  expect(call.written).toEqual(["Why?"]);
});

test("a call that never came about asks nothing, and nor does the next one", () => {
  const call = pretended();
  askFirst(call, "Why?");
  call.to({ phase: "idle" });
  call.to({ phase: "live", agent: "listening" });
  expect(call.written).toEqual([]);
  expect(call.listeners.size).toBe(0);
});
