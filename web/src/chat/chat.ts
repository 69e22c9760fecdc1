/** The chat's connection: it comes back by itself, and goes on with the same session. */

import { decodeFrame } from "./frames";
import { type ChatState, EMPTY_CHAT, withFrame, withSaid } from "./state";

const AGAIN_AFTER_MS = [500, 1000, 2000, 5000];
/** Codes that mean that coming back is futile: no key, not ours, taken over by another page. */
const FINAL_CODES = [1008, 4400, 4404, 4409];
const KEPT_AS = "parley.chat";

interface Kept {
  readonly user: string;
  readonly session: string;
}

export class Chat {
  readonly #listeners = new Set<() => void>();
  #state = EMPTY_CHAT;
  #kept = kept();
  #socket: WebSocket | null = null;
  #lost = 0;

  get state(): ChatState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  connect(): void {
    const { user, session } = this.#kept;
    const address = new URL("/ws/chat", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.searchParams.set("user_id", user);
    if (session) address.searchParams.set("session_id", session);
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#take(String(event.data)));
    socket.addEventListener("close", (event) => this.#closed(socket, event));
  }

  say(text: string): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify({ type: "message", message: text, media: [] }));
    this.#set(withSaid(this.#state, text));
  }

  /** Another conversation: the one before is left as it is. */
  startAnew(): void {
    this.#keep("");
    this.#state = EMPTY_CHAT;
    this.#socket?.close();
  }

  #take(text: string): void {
    const frame = decodeFrame(text);
    if (!frame) return;
    if (frame.type === "connected") {
      this.#lost = 0;
      this.#keep(frame.session);
    }
    this.#set(withFrame(this.#state, frame));
  }

  #closed(socket: WebSocket, { code, reason }: CloseEvent): void {
    if (socket !== this.#socket) return;
    const problem = FINAL_CODES.includes(code) ? reason : "";
    this.#set({ ...this.#state, connection: "lost", progress: "", problem });
    if (code === 4404) this.#keep(""); // the next start has a session of its own
    if (problem) return;
    const wait = AGAIN_AFTER_MS[Math.min(this.#lost, AGAIN_AFTER_MS.length - 1)];
    this.#lost += 1;
    setTimeout(() => this.connect(), wait);
  }

  #keep(session: string): void {
    this.#kept = { ...this.#kept, session };
    try {
      sessionStorage.setItem(KEPT_AS, JSON.stringify(this.#kept));
    } catch {
      // Storage is off: a reload begins anew.
    }
  }

  #set(state: ChatState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

function kept(): Kept {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "null");
    if (typeof found === "object" && found !== null) {
      const { user, session } = found as Partial<Kept>;
      if (typeof user === "string" && typeof session === "string") return { user, session };
    }
  } catch {
    // Nothing that can be read is kept.
  }
  return { user: crypto.randomUUID(), session: "" };
}
