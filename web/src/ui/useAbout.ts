import { useEffect, useState } from "preact/hooks";
import { type About, askAbout, isWell } from "../call/about";

/** While something is missing it is asked again, so that nobody reads what is no longer so. */
const AGAIN_AFTER_MS = 5_000;

/** What may be known before a call of `app`; asked before each call, null while nothing is told. */
export function useAbout(app: string, inCall: boolean): About | null {
  const [about, setAbout] = useState<About | null>(null);
  useEffect(() => {
    if (inCall) return;
    const asking = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      const told = await askAbout(app, asking.signal);
      if (asking.signal.aborted) return;
      setAbout(told);
      if (!told || !isWell(told)) again = setTimeout(() => void ask(), AGAIN_AFTER_MS);
    };
    void ask();
    return () => {
      asking.abort();
      clearTimeout(again);
    };
  }, [app, inCall]);
  return about;
}
