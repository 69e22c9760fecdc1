/** The messages of the chat's socket; mirrors gateway/chat/frames.py. */

import { type Found, productsOf } from "./products";

export type ChatFrame =
  | { readonly type: "connected"; readonly session: string; readonly message: string }
  | { readonly type: "progress"; readonly message: string }
  | { readonly type: "token"; readonly content: string; readonly complete: boolean }
  | {
      readonly type: "clarification";
      readonly question: string;
      readonly suggestions: readonly string[];
    }
  | { readonly type: "results"; readonly found: Found }
  | { readonly type: "done" }
  | { readonly type: "error"; readonly message: string; readonly retryable: boolean };

/** The frame in a text; null for anything this page does not know. */
export function decodeFrame(text: string): ChatFrame | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { type, data } = value as { type?: unknown; data?: unknown };
  const fields = (typeof data === "object" && data !== null ? data : {}) as Record<string, unknown>;
  const word = (name: string) => (typeof fields[name] === "string" ? fields[name] : "");
  switch (type) {
    case "connected":
      return { type, session: word("session_id"), message: word("message") };
    case "progress":
      return { type, message: word("message") };
    case "token":
      return { type, content: word("content"), complete: fields.is_complete === true };
    case "clarification": {
      const suggestions = Array.isArray(fields.suggestions) ? fields.suggestions.map(String) : [];
      return { type, question: word("question"), suggestions };
    }
    case "results": {
      const products = productsOf(fields.products);
      const total = typeof fields.total_count === "number" ? fields.total_count : products.length;
      return { type, found: { products, total } };
    }
    case "done":
      return { type };
    case "error":
      return { type, message: word("message"), retryable: fields.retryable === true };
    default:
      return null;
  }
}
