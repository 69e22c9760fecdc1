/** What may be known before a call: who hears, thinks and speaks, and what is kept of it. */

/** Mirrors gateway/calls/about.py. */
export interface AboutPart {
  readonly model: string;
  readonly engine: string;
  /** On the machine of the gateway. */
  readonly here: boolean;
  /** null: nobody has asked. */
  readonly ok: boolean | null;
}

export interface Character {
  readonly name: string;
  readonly title: string;
  /** Empty where callers may not write their own. */
  readonly instructions: string;
}

export interface Kept {
  /** Days; 0: for good; null: no longer than the process runs. */
  readonly words_days: number | null;
  readonly record: "" | "audio" | "text";
  readonly record_days: number;
}

export interface About {
  /** healthy, or degraded where no call can begin. */
  readonly status: string;
  /** null: nothing listens, people type. */
  readonly ear: AboutPart | null;
  readonly mind: AboutPart;
  readonly voice: AboutPart;
  readonly questions: readonly string[];
  readonly characters: readonly Character[];
  readonly instructions: {
    readonly allowed: boolean;
    readonly longest: number;
    readonly usual: string;
  };
  readonly kept: Kept;
}

/** Of calls that `app` answers; null where the gateway does not tell. */
export async function askAbout(app: string, signal: AbortSignal): Promise<About | null> {
  const query = app ? `?app=${encodeURIComponent(app)}` : "";
  try {
    const answer = await fetch(`/api/about${query}`, { signal });
    return answer.ok ? ((await answer.json()) as About) : null;
  } catch {
    return null; // the gateway is away: the call itself says so
  }
}

/** Whether a call can begin, and all that it needs answers. */
export function isWell({ status, ear, mind, voice }: About): boolean {
  return status === "healthy" && [ear, mind, voice].every((part) => part?.ok !== false);
}

/** The same in words. */
export function healthText(about: About): string {
  if (about.status !== "healthy") return "No call can begin right now";
  return isWell(about) ? "Ready for calls" : "Calls can begin, but something does not answer";
}

/** Where a part runs, for who looks at the page under this host name; empty: not told. */
export function placeOf(part: AboutPart, hostname: string): string {
  if (!part.here) return "";
  const own = hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
  return own ? "runs on this machine" : "runs on Parley's own machine";
}

/** What is kept of a call, in one line. */
export function keptText({ words_days, record, record_days }: Kept): string {
  const words =
    words_days === null
      ? "What is said is forgotten when Parley stops"
      : `What is said is kept as text ${forDays(words_days)}`;
  switch (record) {
    case "audio":
      return `${words}; calls are recorded, and the sound is kept ${forDays(record_days)}.`;
    case "text":
      return `${words}; a written record is kept ${forDays(record_days)}.`;
    case "":
      return `${words}; no sound is kept.`;
  }
}

function forDays(days: number): string {
  if (days === 0) return "for good";
  return days === 1 ? "for a day" : `for ${days} days`;
}
