import { useCallback, useEffect, useState } from "preact/hooks";
import { Approvals } from "./Approvals";
import { type OperationsApi, Refusal, type Snapshot } from "./api";
import { Experiments } from "./Experiments";
import { KeyForm } from "./KeyForm";
import { Breakers, HealthView, Sessions } from "./Parts";

const EVERY_MS = 2000;

/** Does it, and says what became of it; then everything is asked for again. */
export type Act = (what: string, work: () => Promise<void>) => Promise<boolean>;

/** All that operators see, asked for anew every two seconds. */
export function OperationsPage({ api }: { api: OperationsApi }) {
  const [snapshot, show] = useState<Snapshot | null>(null);
  const [locked, lock] = useState("");
  const [problem, setProblem] = useState("");
  const [told, tell] = useState("");

  const load = useCallback(async () => {
    try {
      show(await api.snapshot());
      lock("");
      setProblem("");
    } catch (error) {
      if (error instanceof Refusal) lock(error.message);
      else setProblem("The orchestrator does not answer.");
    }
  }, [api]);

  useEffect(() => {
    let timer = 0;
    let stopped = false;
    const next = async () => {
      if (!document.hidden) await load();
      if (!stopped) timer = window.setTimeout(next, EVERY_MS);
    };
    void next();
    return () => {
      stopped = true;
      window.clearTimeout(timer);
    };
  }, [load]);

  const act: Act = async (what, work) => {
    try {
      await work();
      tell(what);
      return true;
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
      return false;
    } finally {
      await load();
    }
  };

  return (
    <div class="record operations">
      <header class="record-header">
        <h1 class="wordmark">
          <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path class="wordmark-person" d="M4 15a9 9 0 0 1 18 0z" />
            <path class="wordmark-agent" d="M10 17a9 9 0 0 0 18 0z" />
          </svg>
          Parley operations
        </h1>
        {snapshot?.health && (
          <p class={`status status-${snapshot.health.status}`}>{snapshot.health.status}</p>
        )}
      </header>
      <main>
        {problem && (
          <p class="record-note alarm" role="alert">
            {problem}
          </p>
        )}
        <p class="told" role="status">
          {told}
        </p>
        {locked !== "" ? (
          <KeyForm api={api} why={locked} onKey={load} />
        ) : snapshot === null ? (
          <p class="record-note">Loading</p>
        ) : (
          <>
            <Approvals
              approvals={snapshot.approvals}
              stats={snapshot.stats}
              decide={(each, approved, by, notes) =>
                act(approved ? "Approved." : "Refused.", () =>
                  api.decide(each.approval_id, approved, by, notes),
                )
              }
            />
            <Experiments experiments={snapshot.experiments} api={api} act={act} />
            <Breakers
              breakers={snapshot.breakers}
              reset={(name) => act(`${name} was reset.`, () => api.reset(name))}
            />
            <Sessions sessions={snapshot.sessions} />
            <HealthView health={snapshot.health} />
          </>
        )}
      </main>
    </div>
  );
}
