/** What this browser remembers of the person's choices. */

const KEY = "parley.preferences";

export interface Preferences {
  readonly voice: string;
  readonly microphone: string;
  readonly speaker: string;
  /** Single keys as shortcuts; some assistive software needs them off. */
  readonly shortcuts: boolean;
  /** A screen reader also reads what the agent says, for those who do not hear it. */
  readonly readReplies: boolean;
}

export const DEFAULTS: Preferences = {
  voice: "",
  microphone: "",
  speaker: "",
  shortcuts: true,
  readReplies: false,
};

/** The remembered choices; what is missing or damaged is the default. */
export function parsePreferences(stored: string | null): Preferences {
  let value: unknown;
  try {
    value = JSON.parse(stored ?? "");
  } catch {
    return DEFAULTS;
  }
  if (typeof value !== "object" || value === null) return DEFAULTS;
  const known = Object.entries(value).filter(
    ([key, choice]) =>
      key in DEFAULTS && typeof choice === typeof DEFAULTS[key as keyof Preferences],
  );
  return { ...DEFAULTS, ...Object.fromEntries(known) };
}

export function loadPreferences(): Preferences {
  try {
    return parsePreferences(localStorage.getItem(KEY));
  } catch {
    return DEFAULTS; // storage is off in this browser
  }
}

export function savePreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Storage is off in this browser: the choices last as long as the page.
  }
}
