import { useEffect, useState } from "preact/hooks";
import { listVoices, type Voice } from "../call/gateway";

/** The voices there are; asked again before each call, null while there is no answer. */
export function useVoices(inCall: boolean): readonly Voice[] | null {
  const [voices, setVoices] = useState<readonly Voice[] | null>(null);
  useEffect(() => {
    if (inCall) return;
    const asking = new AbortController();
    listVoices(asking.signal)
      .then(setVoices)
      .catch(() => {
        if (!asking.signal.aborted) setVoices(null);
      });
    return () => asking.abort();
  }, [inCall]);
  return voices;
}
