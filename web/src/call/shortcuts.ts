/** Which key does what. */

export type Command = "toggle-microphone" | "write" | "leave-text" | "end";

export interface KeyPress {
  readonly key: string;
  readonly repeat: boolean;
  /** With Ctrl, Alt or Meta held: the browser's business. */
  readonly modified: boolean;
  /** Where the focus is: in a text field, on another control, or on neither. */
  readonly focus: "text" | "control" | "page";
}

export function commandFor(press: KeyPress): Command | null {
  if (press.modified || press.repeat) return null;
  if (press.focus === "text") return press.key === "Escape" ? "leave-text" : null;
  switch (press.key) {
    case "m":
    case "M":
      return "toggle-microphone";
    case " ": // on a control it presses that control
      return press.focus === "page" ? "toggle-microphone" : null;
    case "/":
      return "write";
    case "Escape":
      return "end";
    default:
      return null;
  }
}
