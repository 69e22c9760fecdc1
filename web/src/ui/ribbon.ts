/** The ribbon: the last seconds of both voices, the person's above the line, the agent's below. */

export const COLUMN_MS = 60;
const COLUMN_PX = 5;
const BAR_PX = 3;

export interface Column {
  readonly person: number;
  readonly agent: number;
}

export interface Mark {
  /** When it happened, on the ribbon's clock. */
  readonly at_ms: number;
  /** A turn's latency in ms, drawn as the gap it was; null: an interruption. */
  readonly latency_ms: number | null;
}

export interface Ink {
  readonly person: string;
  readonly agent: string;
  readonly line: string;
  readonly text: string;
}

/** The columns of the last seconds, oldest first; a column is taken every COLUMN_MS. */
export class Ribbon {
  #columns: Column[] = [];
  #marks: Mark[] = [];
  #next_ms = 0;

  constructor(readonly longest: number) {}

  get columns(): readonly Column[] {
    return this.#columns;
  }

  get marks(): readonly Mark[] {
    return this.#marks;
  }

  /** Takes the levels of now where a column is due; a gap (a hidden tab) is left out. */
  advance(now_ms: number, levels: () => Column): void {
    if (now_ms < this.#next_ms) return;
    const late = now_ms - this.#next_ms > COLUMN_MS;
    this.#next_ms = (late ? now_ms : this.#next_ms) + COLUMN_MS;
    this.#columns.push(levels());
    if (this.#columns.length > this.longest) this.#columns.shift();
    const oldest_ms = now_ms - this.longest * COLUMN_MS;
    this.#marks = this.#marks.filter((mark) => mark.at_ms > oldest_ms);
  }

  /** How far the next column has come, from 0 to 1. */
  progress(now_ms: number): number {
    return Math.min(1, Math.max(0, 1 - (this.#next_ms - now_ms) / COLUMN_MS));
  }

  mark(mark: Mark): void {
    this.#marks = [...this.#marks, mark];
  }
}

/** A talk as it might go, for the page at rest: the same at every visit. */
export function sampleTalk(columns: number): Column[] {
  return Array.from({ length: columns }, (_, n) => {
    const t = (n / columns) * 10;
    const syllables = (0.55 + 0.45 * Math.sin(n * 0.9)) * (0.7 + 0.3 * Math.sin(n * 2.3 + 1));
    const phrase = (from: number, to: number) =>
      t < from || t > to ? 0 : Math.sin(((t - from) / (to - from)) * Math.PI) ** 0.6;
    return {
      person: 0.75 * syllables * (phrase(0.3, 3) + phrase(6.7, 8)),
      agent: 0.7 * syllables * (phrase(3.5, 6.8) + phrase(8.5, 10.4)),
    };
  });
}

/** Draws with the newest column at the right edge. */
export function drawRibbon(
  context: CanvasRenderingContext2D,
  size: { width: number; height: number },
  ink: Ink,
  columns: readonly Column[],
  marks: readonly Mark[],
  now_ms: number,
  shift: number,
): void {
  const { width, height } = size;
  const middle = height / 2;
  const reach = middle - 14;
  context.clearRect(0, 0, width, height);
  context.fillStyle = ink.line;
  context.fillRect(0, middle - 0.5, width, 1);
  columns.forEach((column, n) => {
    const x = width - (columns.length - n + shift) * COLUMN_PX;
    if (x < -COLUMN_PX) return;
    bar(context, ink.person, x, middle - 2, -column.person * reach);
    bar(context, ink.agent, x, middle + 2, column.agent * reach);
  });
  for (const mark of marks) {
    const x = width - ((now_ms - mark.at_ms) / COLUMN_MS) * COLUMN_PX;
    if (mark.latency_ms === null) cut(context, ink, x, height);
    else gap(context, ink, x, (mark.latency_ms / COLUMN_MS) * COLUMN_PX, mark.latency_ms, height);
  }
}

function bar(context: CanvasRenderingContext2D, color: string, x: number, y: number, h: number) {
  const length = Math.abs(h);
  if (length < 0.5) return;
  context.fillStyle = color;
  context.beginPath();
  context.roundRect(x, h < 0 ? y - length : y, BAR_PX, length, BAR_PX / 2);
  context.fill();
}

function gap(
  context: CanvasRenderingContext2D,
  ink: Ink,
  x: number,
  length: number,
  latency_ms: number,
  height: number,
) {
  const y = height - 16;
  context.strokeStyle = ink.text;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x - length, y - 3);
  context.lineTo(x - length, y);
  context.lineTo(x, y);
  context.lineTo(x, y - 3);
  context.stroke();
  context.fillStyle = ink.text;
  context.font = "11px ui-monospace, monospace";
  context.textAlign = "center";
  context.fillText(`${Math.round(latency_ms)} ms`, x - length / 2, y + 13);
}

function cut(context: CanvasRenderingContext2D, ink: Ink, x: number, height: number) {
  context.fillStyle = ink.person;
  context.fillRect(x - 1, 8, 2, height - 16);
}
