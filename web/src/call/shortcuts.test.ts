import { expect, test } from "vitest";
import { commandFor, type KeyPress } from "./shortcuts";

const press = (key: string, change: Partial<KeyPress> = {}) =>
  commandFor({ key, repeat: false, modified: false, focus: "page", ...change });

test("M, Space and / work from the page", () => {
  expect(press("m")).toBe("toggle-microphone");
  expect(press("M")).toBe("toggle-microphone");
  expect(press(" ")).toBe("toggle-microphone");
  expect(press("/")).toBe("write");
  expect(press("Escape")).toBe("end");
  expect(press("x")).toBeNull();
});

test("what is typed into the text field is text, and Esc leaves it", () => {
  for (const key of ["m", " ", "/", "Enter"]) expect(press(key, { focus: "text" })).toBeNull();
  expect(press("Escape", { focus: "text" })).toBe("leave-text");
});

test("Space on a button presses the button", () => {
  expect(press(" ", { focus: "control" })).toBeNull();
  expect(press("m", { focus: "control" })).toBe("toggle-microphone");
});

test("a held key acts once, and the browser keeps its own shortcuts", () => {
  expect(press("m", { repeat: true })).toBeNull();
  expect(press("m", { modified: true })).toBeNull();
});
