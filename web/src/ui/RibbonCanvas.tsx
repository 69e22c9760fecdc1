import { useEffect, useRef } from "preact/hooks";
import type { Call } from "../call/call";
import type { CallState } from "../call/state";
import { drawRibbon, type Ink, Ribbon, sampleTalk } from "./ribbon";

const LONGEST_COLUMNS = 240;
/** Smooth to the eye; every drawing costs the machine that may also run the agent. */
const FRAME_MS = 33;
/** Where motion is not wanted, the ribbon moves on in steps of this. */
const STILL_MS = 1000;

/** Draws who speaks while a call lasts; says nothing that the status line does not say. */
export function RibbonCanvas({ call, state }: { call: Call; state: CallState }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ribbon = useRef(new Ribbon(LONGEST_COLUMNS));
  const inCall = state.phase !== "idle";

  useEffect(() => {
    if (inCall) ribbon.current = new Ribbon(LONGEST_COLUMNS);
  }, [inCall]);

  useEffect(() => {
    const latency_ms = state.turn?.total_ms;
    if (inCall && latency_ms) ribbon.current.mark({ at_ms: performance.now(), latency_ms });
  }, [inCall, state.turn]);

  const cuts = state.transcript.filter((line) => line.status === "cut").length;
  useEffect(() => {
    if (inCall && cuts > 0) ribbon.current.mark({ at_ms: performance.now(), latency_ms: null });
  }, [inCall, cuts]);

  useEffect(() => {
    if (!canvas.current) return;
    return inCall
      ? animate(canvas.current, call, () => ribbon.current)
      : rest(canvas.current, ribbon.current);
  }, [call, inCall]);

  return (
    <div class="ribbon" aria-hidden="true">
      <canvas ref={canvas} />
      <span class="ribbon-person">You</span>
      <span class="ribbon-agent">Parley</span>
    </div>
  );
}

/** Draws at each frame until the returned function is called. */
function animate(canvas: HTMLCanvasElement, call: Call, ribbon: () => Ribbon): () => void {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let drawn_ms = 0;
  let frame = requestAnimationFrame(function draw(now_ms) {
    frame = requestAnimationFrame(draw);
    ribbon().advance(now_ms, () => call.levels());
    if (now_ms - drawn_ms < (still.matches ? STILL_MS : FRAME_MS)) return;
    drawn_ms = now_ms;
    const { columns, marks } = ribbon();
    paint(canvas, (context, size, ink) =>
      drawRibbon(context, size, ink, columns, marks, now_ms, ribbon().progress(now_ms)),
    );
  });
  return () => cancelAnimationFrame(frame);
}

/** Draws the call that has ended, or a sample where there was none. */
function rest(canvas: HTMLCanvasElement, ribbon: Ribbon): () => void {
  const draw = () =>
    paint(canvas, (context, size, ink) => {
      const heard = ribbon.columns.some(({ person, agent }) => person > 0 || agent > 0);
      const columns = heard ? ribbon.columns : sampleTalk(LONGEST_COLUMNS);
      drawRibbon(context, size, ink, columns, [], 0, 0);
    });
  draw();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const resized = new ResizeObserver(draw);
  resized.observe(canvas);
  dark.addEventListener("change", draw);
  return () => {
    resized.disconnect();
    dark.removeEventListener("change", draw);
  };
}

function paint(
  canvas: HTMLCanvasElement,
  draw: (
    context: CanvasRenderingContext2D,
    size: { width: number; height: number },
    ink: Ink,
  ) => void,
): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const size = { width: canvas.clientWidth, height: canvas.clientHeight };
  const scale = window.devicePixelRatio;
  const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(scale, 0, 0, scale, 0, 0);
  draw(context, size, inkOf(canvas));
}

function inkOf(element: Element): Ink {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name);
  return {
    person: color("--person"),
    agent: color("--agent"),
    line: color("--line"),
    text: color("--quiet"),
  };
}
