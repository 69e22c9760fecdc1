import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Player {
  readonly playing: boolean;
  /** Of the sound, in seconds. */
  readonly at_s: number;
  readonly problem: boolean;
  readonly toggle: () => void;
  readonly seek: (at_s: number, play?: boolean) => void;
}

/** The recording; its place is told with each picture that the browser draws while it plays. */
export function usePlayer(address: string | null): Player {
  const audio = useRef<HTMLAudioElement | null>(null);
  const [playing, setPlaying] = useState(false);
  const [at_s, setAt] = useState(0);
  const [problem, setProblem] = useState(false);

  useEffect(() => {
    if (address === null) return;
    const element = new Audio(address);
    element.preload = "metadata";
    audio.current = element;
    let frame = 0;
    const follow = () => {
      setAt(element.currentTime);
      frame = element.paused ? 0 : requestAnimationFrame(follow);
    };
    const changed = () => {
      setPlaying(!element.paused);
      if (frame === 0) follow();
    };
    for (const event of ["play", "pause", "seeked", "ended"]) {
      element.addEventListener(event, changed);
    }
    element.addEventListener("error", () => setProblem(true));
    return () => {
      cancelAnimationFrame(frame);
      element.pause();
      element.removeAttribute("src");
      audio.current = null;
    };
  }, [address]);

  const toggle = useCallback(() => {
    const element = audio.current;
    if (!element) return;
    if (element.paused) void element.play().catch(() => setProblem(true));
    else element.pause();
  }, []);

  const seek = useCallback((place_s: number, play = false) => {
    const element = audio.current;
    if (!element) return;
    element.currentTime = Math.max(0, place_s);
    setAt(element.currentTime);
    if (play) void element.play().catch(() => setProblem(true));
  }, []);

  return { playing, at_s, problem, toggle, seek };
}
