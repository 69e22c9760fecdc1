import { expect, test, vi } from "vitest";
import { GatewayError } from "./gateway";
import { pause, retryAfterMs } from "./retry";

test("a call is tried again when the gateway says so, within reason", () => {
  expect(retryAfterMs(new GatewayError("at_capacity", "", 3))).toBe(3000);
  expect(retryAfterMs(new GatewayError("at_capacity", "", 0))).toBe(1000);
  expect(retryAfterMs(new GatewayError("at_capacity", "", 86400))).toBe(60_000);
  expect(retryAfterMs(new GatewayError("at_capacity", ""))).toBe(5000);
});

test("a pause ends in its time, or with the wish to wait", async () => {
  vi.useFakeTimers();
  const wish = new AbortController();
  const ended: string[] = [];
  void pause(3000, wish.signal).then(() => ended.push("in time"));
  await vi.advanceTimersByTimeAsync(2999);
  expect(ended).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(ended).toEqual(["in time"]);
  void pause(3000, wish.signal).then(() => ended.push("aborted"));
  wish.abort();
  await vi.advanceTimersByTimeAsync(0);
  void pause(3000, wish.signal).then(() => ended.push("at once"));
  await vi.advanceTimersByTimeAsync(0);
  expect(ended).toEqual(["in time", "aborted", "at once"]);
  vi.useRealTimers();
});
