import { ConnectionError, DisconnectReason, RpcError } from "livekit-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { GatewayError } from "./gateway";
import {
  AGENT_ERROR_CODES,
  AGENT_LEFT,
  AUDIO_BLOCKED,
  agentProblem,
  endProblem,
  hasEnded,
  MICROPHONE_CODES,
  messageProblem,
  microphoneProblem,
  microphoneProblemInCall,
  NO_AGENT,
  noRoomProblem,
  type Problem,
  REFUSAL_CODES,
  STILL_LOST,
  startProblem,
  VOICE_GONE,
  voiceProblem,
} from "./problems";

const logged: string[] = [];
beforeEach(() => {
  logged.length = 0;
  vi.spyOn(console, "warn").mockImplementation((line) => void logged.push(line));
});
afterEach(() => void vi.restoreAllMocks());

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const named = (name: string, message = "from the browser") =>
  Object.assign(new Error(message), { name });

/** What gateways, LiveKit, workers and models are known to say. */
const TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJwYXJsZXkifQ.c2lnbmF0dXJl-_";
const RAW = [
  `invalid token: ${TOKEN}, error: go-jose: wrong key (access_token=${TOKEN})`,
  "could not establish signal connection: ws://127.0.0.1:7880/rtc answered 500",
  '<AioRpcError of RPC that terminated with: status = StatusCode.UNAVAILABLE details = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:50051" debug_error_string = "{grpc_status:14}">',
  "grpc: the connection was refused",
  "could not reach https://models.example.org/v1: 401",
  "[::1]:50051 is busy",
  "KeyError: 'voice'",
  "could not establish PC connection, timeout at RTCEngine.join (livekit.js:1:2)",
  "x".repeat(5000),
];
const UNFIT =
  /eyJ|c2lnbmF0dXJl|grpc|http|wss?:|StatusCode|Error\b|\d+\.\d+\.\d+\.\d+|:\d{3,5}|[{}<>]/i;

function everyProblem(raw: string): Problem[] {
  const said = [
    ...["NotAllowedError", "SecurityError", "NotFoundError", "OverconstrainedError"],
    ...["NotReadableError", "AbortError", "TypeError"],
  ].flatMap((name) =>
    [true, false].flatMap((secure) => [
      microphoneProblem(named(name, raw), secure, FIREFOX),
      microphoneProblemInCall(named(name, raw), secure, FIREFOX),
    ]),
  );
  const refused = [...REFUSAL_CODES, "at_capacity", "no_agent", "of_the_future"].flatMap((code) => {
    const error = new GatewayError(code, raw, 4);
    return [startProblem(error), noRoomProblem(error)];
  });
  const reasons = [undefined, ...Object.values(DisconnectReason)];
  const ended = reasons.map((reason) => endProblem(reason as DisconnectReason | undefined));
  const told = [...AGENT_ERROR_CODES, "of_an_app", ""].flatMap((code) => [
    agentProblem(code, raw, false),
    agentProblem(code, raw, true),
  ]);
  const voices = [403, 404, 429, 503, 1400, 1500].map((code) =>
    voiceProblem(new RpcError(code, raw), raw),
  );
  return [
    ...said,
    ...refused,
    ...ended,
    ...told,
    ...voices,
    startProblem(ConnectionError.notAllowed(raw, 401)),
    startProblem(ConnectionError.serverUnreachable(raw)),
    startProblem(new Error(raw)),
    startProblem(raw),
    messageProblem(new Error(raw)),
    ...[NO_AGENT, AGENT_LEFT, STILL_LOST, AUDIO_BLOCKED, VOICE_GONE],
  ].filter((problem) => problem !== null);
}

test.each(RAW)("no banner says anything that a visitor cannot understand: %#", (raw) => {
  const problems = everyProblem(raw);
  expect(problems.length).toBeGreaterThan(100);
  for (const { title, detail } of problems) {
    expect(title + detail).not.toMatch(UNFIT);
    expect(title).not.toBe("");
    expect(detail).toMatch(/^[A-Z].*[.]$/);
  }
});

test("what went wrong is in the console, without the token", () => {
  startProblem(ConnectionError.notAllowed(RAW[0] ?? "", 401));
  expect(logged.join()).toContain("wrong key");
  expect(logged.join()).not.toMatch(/eyJ|c2lnbmF0dXJl/);
});

test.each([
  ["NotAllowedError", "microphone_refused"],
  ["NotFoundError", "no_microphone"],
  ["NotReadableError", "microphone_busy"],
  ["TypeError", "microphone_failed"],
])("a microphone's %s is %s, and typing remains", (name, code) => {
  const problem = microphoneProblem(named(name), true, FIREFOX);
  expect(problem.code).toBe(code);
  expect(problem.remedies).toContain("type-instead");
  expect(MICROPHONE_CODES).toContain(code);
});

test("in a call a refused microphone ends nothing: it says how to allow it, and tries again", () => {
  const problem = microphoneProblemInCall(named("NotAllowedError"), true, FIREFOX);
  expect(problem.detail).toContain("crossed-out microphone");
  expect(problem.detail).toContain("the call goes on");
  expect(problem.remedies).toEqual(["use-microphone"]);
});

test("where browsers give no microphone at all, the address is to blame", () => {
  const insecure = named("TypeError");
  expect(microphoneProblem(insecure, false, FIREFOX)).toMatchObject({
    code: "insecure",
    remedies: ["type-instead"],
  });
  expect(microphoneProblemInCall(insecure, false, FIREFOX).remedies).toEqual([]);
});

test("a call that cannot begin says who failed", () => {
  expect(startProblem(new GatewayError("unreachable", "")).code).toBe("gateway_unreachable");
  expect(startProblem(new GatewayError("rate_limited", "in 4 s", 4)).detail).toBe(
    "Try again in 4 s.",
  );
  const spent = new GatewayError("budget_spent", "whatever", 10_800);
  expect(startProblem(spent)).toMatchObject({
    title: "Enough calls for now",
    detail: "Try again in 3 hours.",
  });
  expect(startProblem(ConnectionError.notAllowed("expired", 401)).code).toBe("token_refused");
  expect(startProblem(ConnectionError.serverUnreachable("down")).code).toBe("livekit_unreachable");
});

test("a call that was ended on purpose is no problem, any other end is", () => {
  expect(endProblem(DisconnectReason.CLIENT_INITIATED)).toBeNull();
  expect(endProblem(DisconnectReason.ROOM_DELETED)?.code).toBe("ended_by_agent");
  expect(endProblem(DisconnectReason.SIGNAL_CLOSE)?.code).toBe("connection_lost");
  expect(endProblem(undefined)?.code).toBe("connection_lost");
});

test("only a call that was lost is entered again", () => {
  for (const reason of [
    DisconnectReason.CLIENT_INITIATED,
    DisconnectReason.ROOM_DELETED,
    DisconnectReason.DUPLICATE_IDENTITY,
  ]) {
    expect(hasEnded(reason)).toBe(true);
  }
  for (const reason of [
    undefined,
    DisconnectReason.SIGNAL_CLOSE,
    DisconnectReason.STATE_MISMATCH,
    DisconnectReason.SERVER_SHUTDOWN,
  ]) {
    expect(hasEnded(reason)).toBe(false);
    expect(endProblem(reason)?.remedies).toEqual(["go-on"]);
  }
});

test("a refused voice says what becomes of the voice", () => {
  expect(voiceProblem(new RpcError(404, "no voice"), "amy").title).toBe("That voice is not there");
  expect(voiceProblem(new RpcError(1500, "lost"), "amy").code).toBe("voice_failed");
  const unknown = new RpcError(RpcError.ErrorCode.UNSUPPORTED_METHOD, "Method not supported");
  expect(voiceProblem(unknown, "amy").title).toContain("next call");
});

test("an app's own words are shown where they are plain", () => {
  expect(agentProblem("till_closed", "the till is closed until 12:30.", false)).toMatchObject({
    title: "Something went wrong",
    detail: "The till is closed until 12:30.",
    remedies: [],
  });
  expect(agentProblem("till_closed", "The till is closed", true)).toMatchObject({
    title: "The call cannot go on",
    detail: "The till is closed.",
    remedies: ["call-again"],
  });
});

test("a call without room waits, any other refusal is one", () => {
  expect(noRoomProblem(new GatewayError("at_capacity", "full"))?.title).toContain("All agents");
  expect(noRoomProblem(new GatewayError("no_agent", "none"))?.title).toContain("No agent");
  expect(noRoomProblem(new GatewayError("speech_unavailable", "none"))).toBeNull();
  expect(noRoomProblem(new GatewayError("rate_limited", "too many"))).toBeNull();
  expect(noRoomProblem(new Error("no network"))).toBeNull();
});
