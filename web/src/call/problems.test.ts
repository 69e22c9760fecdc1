import { ConnectionError, DisconnectReason, RpcError } from "livekit-client";
import { expect, test } from "vitest";
import { GatewayError } from "./gateway";
import {
  endProblem,
  microphoneProblem,
  noRoomProblem,
  startProblem,
  voiceProblem,
} from "./problems";

const named = (name: string) => Object.assign(new Error("from the browser"), { name });

test.each([
  ["NotAllowedError", "microphone_refused"],
  ["NotFoundError", "no_microphone"],
  ["NotReadableError", "microphone_busy"],
  ["TypeError", "microphone_failed"],
])("a microphone's %s is %s, and typing remains", (name, code) => {
  const problem = microphoneProblem(named(name), true);
  expect(problem.code).toBe(code);
  expect(problem.remedies).toContain("type-instead");
});

test("where browsers give no microphone at all, the address is to blame", () => {
  expect(microphoneProblem(named("TypeError"), false)).toMatchObject({
    code: "insecure",
    remedies: ["type-instead"],
  });
});

test("a call that cannot begin says who failed", () => {
  const url = "ws://127.0.0.1:7880";
  expect(startProblem(new GatewayError("unreachable", ""), "").code).toBe("gateway_unreachable");
  expect(startProblem(new GatewayError("rate_limited", "try again in 4 s"), "").detail).toBe(
    "Try again in 4 s",
  );
  const told = "You have talked for as long as you may for now: try again in 3 hours.";
  expect(startProblem(new GatewayError("budget_spent", told, 10_800), url)).toMatchObject({
    title: "Enough calls for now",
    detail: told,
  });
  expect(startProblem(ConnectionError.notAllowed("expired", 401), url).code).toBe("token_refused");
  expect(startProblem(ConnectionError.serverUnreachable("down"), url)).toMatchObject({
    code: "livekit_unreachable",
    detail: `LiveKit at ${url} cannot be reached. Down`,
  });
});

test("no problem shows a token, whoever quotes it", () => {
  const token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJwYXJsZXkifQ.c2lnbmF0dXJl-_";
  const quoting = `invalid token: ${token}, error: go-jose: wrong key (access_token=${token})`;
  for (const error of [
    ConnectionError.notAllowed(quoting, 401),
    ConnectionError.serverUnreachable(quoting),
    new GatewayError("refused", quoting),
  ]) {
    const { title, detail } = startProblem(error, "ws://127.0.0.1:7880");
    expect(title + detail).not.toMatch(/eyJ|c2lnbmF0dXJl/);
    expect(detail).not.toBe("");
  }
});

test("a call that was ended on purpose is no problem, any other end is", () => {
  expect(endProblem(DisconnectReason.CLIENT_INITIATED)).toBeNull();
  expect(endProblem(DisconnectReason.ROOM_DELETED)?.code).toBe("ended_by_agent");
  expect(endProblem(DisconnectReason.SIGNAL_CLOSE)?.code).toBe("connection_lost");
  expect(endProblem(undefined)?.code).toBe("connection_lost");
});

test("a refused voice says what the agent said", () => {
  const refusal = new RpcError(1500, "the hub cannot be reached");
  expect(voiceProblem(refusal, "amy").detail).toBe("The hub cannot be reached");
  const unknown = new RpcError(RpcError.ErrorCode.UNSUPPORTED_METHOD, "Method not supported");
  expect(voiceProblem(unknown, "amy").title).toContain("next call");
});

test("a call without room waits, any other refusal is one", () => {
  expect(noRoomProblem(new GatewayError("at_capacity", "full"))?.title).toContain("All agents");
  expect(noRoomProblem(new GatewayError("no_agent", "none"))?.title).toContain("No agent");
  expect(noRoomProblem(new GatewayError("speech_unavailable", "none"))).toBeNull();
  expect(noRoomProblem(new GatewayError("rate_limited", "too many"))).toBeNull();
  expect(noRoomProblem(new Error("no network"))).toBeNull();
});
