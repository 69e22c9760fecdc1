import type { RefObject } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Call } from "../call/call";
import { limits } from "../call/limits";
import { type Command, commandFor } from "../call/shortcuts";

/** Carries out the shortcuts while `enabled`; true while a second Esc would end the call. */
export function useCallKeys(
  call: Call,
  field: RefObject<HTMLInputElement | null>,
  enabled: boolean,
): boolean {
  const [endAsked, setEndAsked] = useState(false);
  // A second Esc may come before the first one has been drawn.
  const asked = useRef(false);
  const ask = useCallback((end: boolean) => {
    asked.current = end;
    setEndAsked(end);
  }, []);
  useEffect(() => {
    if (!endAsked) return;
    const forget = setTimeout(() => ask(false), limits().endWithin_ms);
    return () => clearTimeout(forget);
  }, [endAsked, ask]);

  useEffect(() => {
    if (!enabled) return;
    const carryOut = (command: Command) => {
      const inCall = call.state.phase !== "idle";
      switch (command) {
        case "toggle-microphone":
          if (inCall) void call.toggleMicrophone();
          break;
        case "write":
          field.current?.focus();
          break;
        case "leave-text":
          field.current?.blur();
          break;
        case "end":
          if (inCall && asked.current) void call.end();
          ask(inCall && !asked.current);
          break;
      }
    };
    const onKey = (event: KeyboardEvent) => {
      if (document.querySelector("dialog[open]")) return; // its keys are its own
      const command = commandFor({
        key: event.key,
        repeat: event.repeat,
        modified: event.ctrlKey || event.altKey || event.metaKey || event.isComposing,
        focus: focusOf(event.target),
      });
      if (!command) return;
      event.preventDefault();
      carryOut(command);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [call, field, enabled, ask]);

  return endAsked;
}

function focusOf(target: EventTarget | null): "text" | "control" | "page" {
  if (!(target instanceof Element)) return "page";
  if (target.matches("input[type=text], textarea")) return "text";
  return target.closest("button, select, input, summary, a") ? "control" : "page";
}
