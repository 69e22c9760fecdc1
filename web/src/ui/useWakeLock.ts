import { useEffect } from "preact/hooks";
import { ScreenHold } from "../call/wakeLock";

/** Keeps a phone's screen on while `needed`. */
export function useWakeLock(needed: boolean): void {
  useEffect(() => {
    if (!needed || !("wakeLock" in navigator)) return;
    const hold = new ScreenHold(() => navigator.wakeLock.request("screen"), document);
    return () => void hold.release();
  }, [needed]);
}
