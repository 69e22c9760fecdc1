import { useEffect, useRef, useState } from "preact/hooks";
import type { CallRecord } from "./api";
import { clock, shown } from "./picture";

const FLOOR_HEIGHT = 5;
const CONTESTED = { ducked: 0.3, held: 0.65, yielded: 1 } as const;

interface Props {
  readonly call: CallRecord;
  readonly peaks: Uint8Array;
  readonly loudest: number;
  readonly at_s: number;
  readonly onSeek: (at_s: number) => void;
}

/** Both sides of the whole call: the person above the line, the agent below. */
export function Waveform({ call, peaks, loudest, at_s, onSeek }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const length_s = Math.max(call.length_s, (peaks.length / 2) * call.peak_s, 0.001);

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = canvas.current;
    if (element && width > 0) draw(element, call, peaks, loudest, length_s);
  }, [call, peaks, loudest, width, length_s]);

  const seekTo = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    onSeek(((event.clientX - box.left) / box.width) * length_s);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -2, ArrowRight: 2, PageUp: -15, PageDown: 15 }[event.key];
    if (event.key === "Home") onSeek(0);
    else if (event.key === "End") onSeek(length_s);
    else if (step !== undefined) onSeek(Math.min(length_s, Math.max(0, at_s + step)));
    else return;
    event.preventDefault();
  };

  return (
    <div
      class="waveform"
      role="slider"
      tabIndex={0}
      aria-label="Place in the call"
      aria-valuemin={0}
      aria-valuemax={Math.round(length_s)}
      aria-valuenow={Math.round(at_s)}
      aria-valuetext={`${clock(at_s)} of ${clock(length_s)}`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seekTo(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) seekTo(event);
      }}
      onKeyDown={onKeyDown}
    >
      <canvas ref={canvas} />
      <span class="playhead" style={{ left: `${(100 * at_s) / length_s}%` }} aria-hidden="true" />
    </div>
  );
}

function draw(
  canvas: HTMLCanvasElement,
  call: CallRecord,
  peaks: Uint8Array,
  loudest: number,
  length_s: number,
) {
  const scale = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(scale, scale);
  const ink = (name: string) => getComputedStyle(canvas).getPropertyValue(name);
  const half = (height - FLOOR_HEIGHT - 4) / 2;
  const count = peaks.length / 2;
  for (const [side, color] of [
    [0, ink("--person")],
    [1, ink("--agent")],
  ] as const) {
    pen.fillStyle = color;
    for (let x = 0; x < width; x += 1) {
      const first = Math.floor(((x / width) * length_s) / call.peak_s);
      const end = Math.max(first + 1, Math.floor((((x + 1) / width) * length_s) / call.peak_s));
      let peak = 0;
      for (let index = first; index < end && index < count; index += 1) {
        peak = Math.max(peak, peaks[2 * index + side] ?? 0);
      }
      const high = shown(peak, loudest) * (half - 1);
      if (high > 0) pen.fillRect(x, side === 0 ? half - high : half + 1, 1, high);
    }
  }
  pen.fillStyle = ink("--line");
  pen.fillRect(0, half, width, 1);
  drawFloors(pen, call, length_s, width, height, ink("--person"));
  pen.fillStyle = ink("--alarm");
  for (const moment of call.moments) {
    if (moment.kind !== "error") continue;
    const x = ((moment.at_s - (call.audio_began_at_s ?? call.began_at_s)) / length_s) * width;
    pen.fillRect(x - 1, 0, 2, height);
  }
}

/** Beneath: where the person spoke over the agent, darker the further it gave way. */
function drawFloors(
  pen: CanvasRenderingContext2D,
  call: CallRecord,
  length_s: number,
  width: number,
  height: number,
  color: string,
) {
  const began_s = call.audio_began_at_s ?? call.began_at_s;
  const x = (at_s: number) => ((at_s - began_s) / length_s) * width;
  pen.fillStyle = color;
  call.floors.forEach((floor, index) => {
    const alpha = CONTESTED[floor.kind as keyof typeof CONTESTED];
    if (alpha === undefined) return;
    const end = call.floors[index + 1]?.at_s ?? floor.at_s;
    pen.globalAlpha = alpha;
    pen.fillRect(
      x(floor.at_s),
      height - FLOOR_HEIGHT,
      Math.max(1, x(end) - x(floor.at_s)),
      FLOOR_HEIGHT,
    );
  });
  pen.globalAlpha = 1;
}
