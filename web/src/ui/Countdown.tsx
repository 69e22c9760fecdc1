import { useEffect, useState } from "preact/hooks";

const TICK_MS = 250;

/** The seconds until `at` (ms since 1970), for the eye alone: a screen reader need not count. */
export function Countdown({ at }: { at: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const ticking = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(ticking);
  }, []);
  const left = Math.max(0, Math.ceil((at - now) / 1000));
  return (
    <span class="countdown" aria-hidden="true">
      {left > 0 ? `asking again in ${left} s` : "asking …"}
    </span>
  );
}
