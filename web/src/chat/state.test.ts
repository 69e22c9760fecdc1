import { expect, test } from "vitest";
import { decodeFrame } from "./frames";
import { priceText, productsOf } from "./products";
import { type ChatState, EMPTY_CHAT, withFrame, withSaid } from "./state";

const PRODUCT = {
  id: "harbor-010001",
  title: "Acer Swift 14-inch Laptop, blue",
  brand: "Acer",
  price: 799.99,
  currency: "USD",
  marketplace: "Harbor Market",
  rating: 4.5,
  url: "https://harbor.example/p/010001",
  reasons: ["rated 4.5 of 5"],
  also_at: [{ marketplace: "Lantern Lane", price: 820, url: "" }],
};

function after(state: ChatState, ...frames: object[]): ChatState {
  return frames.reduce<ChatState>((so_far, value) => {
    const frame = decodeFrame(JSON.stringify(value));
    return frame ? withFrame(so_far, frame) : so_far;
  }, state);
}

test("tokens of one answer make one line, below its products", () => {
  const state = after(
    withSaid(EMPTY_CHAT, "a laptop"),
    { type: "progress", data: { step: "searching", message: "Searching." } },
    { type: "results", data: { products: [PRODUCT], total_count: 7, requirement_spec: {} } },
    { type: "token", data: { content: "I found", is_complete: false } },
    { type: "token", data: { content: " seven.", is_complete: false } },
    { type: "token", data: { content: "", is_complete: true } },
    { type: "done", data: { message: "I found seven." } },
  );
  expect(state.lines).toHaveLength(2);
  expect(state.lines[1]?.text).toBe("I found seven.");
  expect(state.lines[1]?.found?.total).toBe(7);
  expect(state.lines[1]?.found?.products[0]?.alsoAt).toEqual([
    { marketplace: "Lantern Lane", price: 820 },
  ]);
  expect(state.progress).toBe("");
});

test("suggestions stand until something is said", () => {
  const asked = after(EMPTY_CHAT, {
    type: "clarification",
    data: { question: "Which size?", suggestions: ["9", "10"] },
  });
  expect(asked.suggestions).toEqual(["9", "10"]);
  expect(withSaid(asked, "9").suggestions).toEqual([]);
});

test("an error is shown, and what is no frame is ignored", () => {
  const failed = {
    type: "error",
    data: { code: "timeout", message: "Too late.", retryable: true },
  };
  expect(after(EMPTY_CHAT, failed).problem).toBe("Too late.");
  expect(decodeFrame("nonsense")).toBeNull();
  expect(decodeFrame('{"type":"other"}')).toBeNull();
});

test("only addresses of the web become links, and only products are shown", () => {
  const [product] = productsOf([{ ...PRODUCT, url: "javascript:alert(1)" }, null, {}, 7]);
  expect(product?.url).toBe("");
  expect(productsOf([null, {}, 7])).toEqual([]);
  expect(priceText(799.99, "USD")).toBe("$799.99");
  expect(priceText(5, "nothing")).toBe("5.00 nothing");
});
