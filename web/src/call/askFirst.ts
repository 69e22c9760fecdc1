/** A call that begins with a question. */

import type { CallState } from "./state";

interface Callable {
  readonly state: CallState;
  subscribe(listener: () => void): () => void;
  start(microphone: boolean): Promise<void>;
  write(text: string): Promise<boolean>;
}

/** Begins a typed call, and writes the question as soon as an agent can read it. */
export function askFirst(call: Callable, question: string): void {
  const forget = call.subscribe(() => {
    const { phase, agent } = call.state;
    if (phase === "idle") forget();
    if (phase !== "live" || agent === "initializing") return;
    forget();
    void call.write(question);
  });
  void call.start(false);
}
