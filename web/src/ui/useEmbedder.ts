import { useEffect } from "preact/hooks";
import type { Phase } from "../call/state";

/** Tells the page around an embedded one how the call is, and that Esc was pressed outside of it.
 *
 * Anyone may know that much: who is around is not known for certain.
 */
export function useEmbedder(phase: Phase, embedded: boolean): void {
  useEffect(() => {
    if (embedded) parent.postMessage({ parley: "phase", phase }, "*");
  }, [phase, embedded]);

  useEffect(() => {
    if (!embedded || phase !== "idle") return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") parent.postMessage({ parley: "close" }, "*");
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [phase, embedded]);
}
