/** What operators ask the orchestrator; mirrors gateway/orchestrate, experiments and approvals. */

export interface Health {
  readonly status: string;
  readonly active_sessions?: number;
  readonly uptime_seconds?: number;
  readonly services?: Readonly<Record<string, string>>;
  readonly components?: Readonly<Record<string, { status: string; error?: string | null }>>;
}

export interface Breaker {
  readonly name: string;
  readonly state: string;
  readonly failures: number;
  readonly calls: number;
  readonly retry_after_seconds: number;
}

export interface Variant {
  readonly name: string;
  readonly type: string;
  readonly traffic_percentage: number;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface VariantResult {
  readonly name: string;
  readonly type: string;
  readonly exposed: number;
  readonly converted: number;
  readonly mean: number;
  readonly difference: number | null;
  readonly interval: { readonly low: number | null; readonly high: number | null } | null;
  readonly p_value: number | null;
  readonly significant: boolean | null;
}

export interface Results {
  readonly variants: readonly VariantResult[];
  readonly sample_ratio: { readonly p_value: number; readonly mismatch: boolean };
  readonly winner: string | null;
  readonly why: string;
}

export interface Experiment {
  readonly experiment_id: string;
  readonly status: "draft" | "running" | "stopped";
  readonly name: string;
  readonly hypothesis: string;
  readonly metric: string;
  readonly user_percentage: number;
  readonly variants: readonly Variant[];
  readonly winner: string | null;
  readonly results: Results | null;
}

export interface Draft {
  readonly name: string;
  readonly hypothesis: string;
  readonly metric: string;
  readonly user_percentage: number;
  readonly variants: readonly Variant[];
}

export interface Approval {
  readonly approval_id: string;
  readonly orchestration_id: string;
  readonly approval_type: string;
  readonly proposed_action: string;
  readonly risk_level: string;
  readonly requester_id: string;
  readonly context: { readonly state_summary?: string; readonly risk_score?: number | null };
  readonly asked_at: number;
  readonly expires_at: number;
}

export interface ApprovalStats {
  readonly pending: number;
  readonly approved: number;
  readonly rejected: number;
  readonly expired: number;
  readonly median_seconds_to_decide: number | null;
}

export interface Session {
  readonly session_id: string;
  readonly state: string;
  readonly turn_number: number;
  readonly total_latency_ms: number;
  readonly intent_latency_ms: number;
  readonly rag_latency_ms: number;
  readonly llm_latency_ms: number;
  readonly tts_latency_ms: number;
  readonly active: boolean;
}

/** What is shown at one moment; null: that part is switched off, or not served here. */
export interface Snapshot {
  readonly health: Health | null;
  readonly breakers: readonly Breaker[] | null;
  readonly experiments: readonly Experiment[] | null;
  readonly approvals: readonly Approval[] | null;
  readonly stats: ApprovalStats | null;
  readonly sessions: readonly Session[] | null;
}

/** What was refused: `status` is that of HTTP, `code` is for programs. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const KEY = "parley-operations-key";

export class OperationsApi {
  constructor(private readonly kept: Pick<Storage, "getItem" | "setItem" | "removeItem">) {}

  /** The key is sent with every request, until the tab is closed. */
  keepKey(key: string): void {
    this.kept.setItem(KEY, key);
  }

  async snapshot(): Promise<Snapshot> {
    const [health, breakers, listed, approvals, stats, sessions] = await Promise.all([
      this.part<Health>("/health"),
      this.part<{ circuit_breakers: Record<string, Breaker> }>("/circuit-breakers"),
      this.part<{ experiments: Experiment[] }>("/experiments"),
      this.part<{ pending: Approval[] }>("/approvals/pending"),
      this.part<ApprovalStats>("/approvals/stats"),
      this.part<{ sessions: Session[] }>("/sessions"),
    ]);
    const experiments =
      listed && (await Promise.all(listed.experiments.map((each) => this.withResults(each))));
    return {
      health,
      breakers: breakers ? Object.values(breakers.circuit_breakers) : null,
      experiments: experiments?.reverse() ?? null,
      approvals: approvals?.pending ?? null,
      stats,
      sessions: sessions?.sessions ?? null,
    };
  }

  async reset(breaker: string): Promise<void> {
    await this.post(`/circuit-breakers/${encodeURIComponent(breaker)}/reset`);
  }

  async create(draft: Draft): Promise<void> {
    await this.post("/experiments", draft);
  }

  async start(experiment: string): Promise<void> {
    await this.post(`/experiments/${experiment}/start`);
  }

  async stop(experiment: string): Promise<void> {
    await this.post(`/experiments/${experiment}/stop`);
  }

  async decide(approval: string, approved: boolean, by: string, notes: string): Promise<void> {
    await this.post(`/approvals/pending/${approval}/decide`, {
      approved,
      approver_id: by,
      approval_notes: notes,
    });
  }

  private async withResults(experiment: Experiment): Promise<Experiment> {
    if (experiment.status === "draft") return experiment;
    return (await this.part<Experiment>(`/experiments/${experiment.experiment_id}`)) ?? experiment;
  }

  /** What is not there, or not for this key, is left out; without a key nothing is shown. */
  private async part<T>(address: string): Promise<T | null> {
    try {
      return (await (await this.ask(address)).json()) as T;
    } catch (error) {
      if (error instanceof Refusal && error.status !== 401) return null;
      throw error;
    }
  }

  private async post(address: string, body?: unknown): Promise<void> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    await this.ask(address, { method: "POST", ...sent });
  }

  private async ask(address: string, request: RequestInit = {}): Promise<Response> {
    const key = this.kept.getItem(KEY);
    const headers: Record<string, string> = { accept: "application/json" };
    if (key) headers["x-api-key"] = key;
    if (request.body) headers["content-type"] = "application/json";
    const answer = await fetch(address, { ...request, headers });
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => null);
    const { code, message } = told?.error ?? {};
    throw new Refusal(
      answer.status,
      code ?? `http_${answer.status}`,
      message ?? `HTTP ${answer.status}`,
    );
  }
}
