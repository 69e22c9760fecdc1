import { useEffect, useState } from "preact/hooks";

/** As layout.css has it: what stands beside the talk, and is a sheet or below it elsewhere. */
const WIDE = "(min-width: 60rem)";

/** Whether there is room beside the talk. */
export function useWide(): boolean {
  const [wide, setWide] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const query = matchMedia(WIDE);
    const follow = () => setWide(query.matches);
    follow();
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  return wide;
}
