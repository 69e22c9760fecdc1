/** The records of calls, as the gateway tells them; mirrors parley/records/call.py. */

export interface StageTimes {
  readonly spoke_from_s: number | null;
  readonly speech_ended_s: number | null;
  readonly text_s: number | null;
  readonly turn_ended_s: number | null;
  readonly begun_s: number | null;
  readonly first_token_s: number | null;
  readonly tts_asked_s: number | null;
  readonly first_audio_s: number | null;
  readonly sounded_s: number | null;
}

export interface Tool {
  readonly name: string;
  readonly outcome: string;
  readonly at_s: number;
  readonly took_s: number | null;
}

export interface Turn {
  readonly id: string;
  readonly at_s: number;
  readonly person: string;
  readonly made: string;
  readonly heard: string;
  readonly interrupted: boolean;
  readonly ended: boolean;
  readonly ended_at_s: number | null;
  readonly stages: { readonly total_ms: number | null } | null;
  readonly marks: StageTimes | null;
  readonly filler_marks: StageTimes | null;
  readonly over_ms: number | null;
  readonly tools: readonly Tool[];
}

export interface Moment {
  readonly at_s: number;
  readonly kind: string;
  readonly text: string;
}

export interface CallRecord {
  readonly id: string;
  readonly session: string;
  readonly user: string;
  readonly names: readonly string[];
  readonly agent: string;
  readonly voice: string;
  readonly model: string;
  readonly began_at_s: number;
  readonly length_s: number;
  readonly state: string;
  readonly audio_began_at_s: number | null;
  readonly peak_s: number;
  readonly turns: readonly Turn[];
  readonly floors: readonly Moment[];
  readonly moments: readonly Moment[];
  readonly errors: number;
  readonly interruptions: number;
  readonly slowest_ms: number | null;
  readonly over_objective: number;
  readonly objective_ms: number | null;
}

export interface CallSummary {
  readonly id: string;
  readonly began_at_s: number;
  readonly length_s: number;
  readonly state: string;
  readonly user: string;
  readonly turns: number;
  readonly errors: number;
  readonly interruptions: number;
  readonly slowest_ms: number | null;
  readonly over_objective: number;
}

/** What the gateway refused. `code` is operators_only where the key is missing or wrong. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const PATH = "/api/calls";

export class RecordsApi {
  /** Lets this browser read on for some hours. */
  async open(key: string): Promise<void> {
    await this.ask(`${PATH}/open`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ key }),
    });
  }

  async list(): Promise<{ calls: readonly CallSummary[]; more: boolean }> {
    return (await this.ask(PATH)).json();
  }

  async call(id: string): Promise<CallRecord> {
    return (await this.ask(`${PATH}/${id}`)).json();
  }

  /** Loudness of both sides, two bytes for each `peak_s`; empty where no sound is kept. */
  async peaks(id: string): Promise<Uint8Array> {
    try {
      return new Uint8Array(await (await this.ask(`${PATH}/${id}/peaks`)).arrayBuffer());
    } catch (error) {
      if (error instanceof Refusal && error.code === "unknown_call") return new Uint8Array();
      throw error;
    }
  }

  audioAddress(id: string): string {
    return `${PATH}/${id}/audio`;
  }

  private async ask(address: string, request?: RequestInit): Promise<Response> {
    const answer = await fetch(address, request);
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => null);
    const { code, message } = told?.error ?? {};
    throw new Refusal(code ?? `http_${answer.status}`, message ?? `HTTP ${answer.status}`);
  }
}
