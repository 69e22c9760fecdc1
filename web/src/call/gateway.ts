/** The gateway's API: access to a call, and the voices there are. */

export interface CallAccess {
  readonly url: string;
  readonly token: string;
  readonly room: string;
  readonly identity: string;
  /** The key to the conversation: opens its recording, and a later call that goes on with it. */
  readonly session: string;
}

export interface Voice {
  readonly name: string;
  readonly engine: string;
  readonly languages: readonly string[];
  /** Its files are on a worker's machine; otherwise they are fetched on first use. */
  readonly ready: boolean;
  readonly default: boolean;
}

/** A refusal of the gateway (`code` is its own), or `unreachable`. */
export class GatewayError extends Error {
  /** `retryAfterS`: when to ask again; null where the gateway does not say. */
  constructor(
    readonly code: string,
    message: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = "GatewayError";
  }
}

/** How a call is wanted; what is empty is the default. */
export interface CallWish {
  readonly voice: string;
  readonly app: string;
  /** Of an earlier access: its conversation goes on. */
  readonly session?: string;
  /** The call of that conversation was lost, not ended. */
  readonly resumed?: boolean;
  /** Who the agent is to be: a name of the characters that /api/about tells. */
  readonly character: string;
  /** The caller's own, where the operator allows it. */
  readonly instructions: string;
}

export async function requestAccess(wish: CallWish, signal: AbortSignal): Promise<CallAccess> {
  return (await ask("/api/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(Object.fromEntries(Object.entries(wish).filter(([, value]) => value))),
    signal,
  })) as CallAccess;
}

export async function listVoices(signal: AbortSignal): Promise<readonly Voice[]> {
  return ((await ask("/api/voices", { signal })) as { voices: Voice[] }).voices;
}

/** Where a short sentence in that voice is. */
export function previewAddress(voice: string): string {
  return `/api/voices/${encodeURIComponent(voice)}/preview`;
}

async function ask(path: string, request: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, request);
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new GatewayError("unreachable", "The gateway does not answer.");
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok && body) return body;
  const refusal = (body as { error?: { code: string; message: string } } | null)?.error;
  throw new GatewayError(
    refusal?.code ?? "bad_answer",
    refusal?.message ?? `The gateway answered ${response.status} ${response.statusText}.`,
    secondsOf(response.headers.get("Retry-After")),
  );
}

/** What a Retry-After header says; null: nothing. */
export function secondsOf(retryAfter: string | null): number | null {
  return retryAfter && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null;
}
