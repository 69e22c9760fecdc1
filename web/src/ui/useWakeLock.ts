import { useEffect } from "preact/hooks";

/** Keeps a phone's screen on while `needed`: one that goes dark takes the microphone with it. */
export function useWakeLock(needed: boolean): void {
  useEffect(() => {
    if (!needed || !("wakeLock" in navigator)) return;
    let held: WakeLockSentinel | null = null;
    let over = false;
    const hold = async () => {
      if (document.visibilityState !== "visible") return; // the browser lets go of it when hidden
      try {
        held = await navigator.wakeLock.request("screen");
        if (over) await held.release();
      } catch {
        // Low battery, or the browser does not want to: the call goes on.
      }
    };
    void hold();
    document.addEventListener("visibilitychange", hold);
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", hold);
      void held?.release();
    };
  }, [needed]);
}
