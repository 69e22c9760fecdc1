import { useEffect } from "preact/hooks";
import { type Command, commandFor } from "../call/shortcuts";

/** Calls `onCommand` for each key that is a shortcut, while `enabled`. */
export function useShortcuts(enabled: boolean, onCommand: (command: Command) => void): void {
  useEffect(() => {
    if (!enabled) return;
    const onKey = (event: KeyboardEvent) => {
      const command = commandFor({
        key: event.key,
        repeat: event.repeat,
        modified: event.ctrlKey || event.altKey || event.metaKey || event.isComposing,
        focus: focusOf(event.target),
      });
      if (!command) return;
      event.preventDefault();
      onCommand(command);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [enabled, onCommand]);
}

function focusOf(target: EventTarget | null): "text" | "control" | "page" {
  if (!(target instanceof Element)) return "page";
  if (target.matches("input[type=text], textarea")) return "text";
  return target.closest("button, select, input, summary, a") ? "control" : "page";
}
