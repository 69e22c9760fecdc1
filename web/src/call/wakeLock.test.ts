import { expect, test } from "vitest";
import { ScreenHold } from "./wakeLock";

class Page extends EventTarget {
  visibilityState = "visible";

  turn(state: "visible" | "hidden"): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

class Screen {
  locks: { released: boolean; release(): Promise<void> }[] = [];
  refuses = false;

  readonly request = async () => {
    if (this.refuses) throw new Error("the battery is low");
    const lock = {
      released: false,
      async release() {
        lock.released = true;
      },
    };
    this.locks.push(lock);
    return lock;
  };

  get held(): number {
    return this.locks.filter(({ released }) => !released).length;
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test("the screen is held, again after a return to the page, and until the call is over", async () => {
  const [page, screen] = [new Page(), new Screen()];
  const hold = new ScreenHold(screen.request, page);
  await settled();
  expect(screen.held).toBe(1);
  page.turn("hidden");
  await screen.locks[0]?.release(); // as browsers do
  await settled();
  expect(screen.locks.length).toBe(1);
  page.turn("visible");
  await settled();
  expect(screen.held).toBe(1);
  expect(screen.locks.length).toBe(2);
  await hold.release();
  page.turn("visible");
  await settled();
  expect(screen.held).toBe(0);
  expect(screen.locks.length).toBe(2);
});

test("one lock is enough, and one that comes too late is given back", async () => {
  const [page, screen] = [new Page(), new Screen()];
  const hold = new ScreenHold(screen.request, page);
  page.turn("visible");
  page.turn("visible");
  await hold.release();
  await settled();
  expect(screen.locks.length).toBe(1);
  expect(screen.held).toBe(0);
});

test("a refusal is asked again on the next return", async () => {
  const [page, screen] = [new Page(), new Screen()];
  screen.refuses = true;
  new ScreenHold(screen.request, page);
  await settled();
  screen.refuses = false;
  page.turn("visible");
  await settled();
  expect(screen.held).toBe(1);
});
