import { expect, test } from "vitest";
import { NO_AGENT } from "./problems";
import { agentStateOf, IDLE, recordingOf, recordingText, statusText, withRecord } from "./state";

test("the status says who has the floor", () => {
  const live = { ...IDLE, phase: "live", agent: "listening", microphone: "on" } as const;
  expect(statusText(live)).toBe("Parley is listening");
  expect(statusText({ ...live, personSpeaks: true })).toBe("You are speaking");
  expect(statusText({ ...live, microphone: "muted", personSpeaks: true })).toBe("You are muted");
  expect(statusText({ ...live, microphone: "off" })).toBe("Parley waits for your message");
  expect(statusText({ ...live, agent: "speaking", personSpeaks: true })).toBe("Parley is speaking");
  const speaking = { ...live, agent: "speaking", personSpeaks: true } as const;
  expect(statusText({ ...speaking, floor: "ducked" })).toBe("Parley is speaking");
  expect(statusText({ ...speaking, floor: "held" })).toBe("Parley pauses for you");
  expect(statusText({ ...speaking, floor: "yielded" })).toBe("You have the floor");
});

test("the status says what is waited for", () => {
  expect(statusText({ ...IDLE, phase: "waiting" })).toBe("Waiting for the agent");
  expect(statusText({ ...IDLE, phase: "waiting", problem: NO_AGENT })).toContain("Still waiting");
  expect(statusText({ ...IDLE, phase: "starting" })).toBe("Connecting");
  expect(statusText({ ...IDLE, phase: "starting", asksMicrophone: true })).toContain("Allow the");
  expect(statusText({ ...IDLE, phase: "starting", retryAt: 1 })).toBe("Waiting for a free agent");
  expect(statusText({ ...IDLE, phase: "reconnecting" })).toContain("reconnecting");
});

test("an agent state this page does not know is one of getting ready", () => {
  expect(agentStateOf("thinking")).toBe("thinking");
  expect(agentStateOf("dancing")).toBe("initializing");
  expect(agentStateOf(undefined)).toBe("initializing");
});

test("a call that is recorded says so", () => {
  expect(recordingText(recordingOf("audio"))).toBe("This call is recorded");
  expect(recordingText(recordingOf("text"))).toBe("This call is written down");
  expect(recordingText(recordingOf(undefined))).toBe("");
});

test("each agent of a call may have a record of its own", () => {
  const first = withRecord([], "one");
  expect(withRecord(first, undefined)).toBe(first);
  expect(withRecord(first, "one")).toBe(first);
  expect(withRecord(first, "two")).toEqual(["one", "two"]);
});
