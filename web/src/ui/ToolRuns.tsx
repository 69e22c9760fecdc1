import type { ToolRun } from "../call/story";

/** The tools of the call, the latest first; what they were asked and answered on demand. */
export function ToolRuns({ tools }: { tools: readonly ToolRun[] }) {
  if (tools.length === 0) return null;
  return (
    <section class="tools" aria-label="Tools">
      {tools.toReversed().map((run) => (
        <details key={run.key} class="tool" data-outcome={run.outcome}>
          <summary>
            <span class="tool-name">{run.name}</span> <span class="tool-end">{endOf(run)}</span>
          </summary>
          <Detail label="asked" text={run.arguments || "nothing, or nothing that is told"} />
          {run.outcome !== "running" && (
            <Detail label="answered" text={run.result || "nothing, or nothing that is told"} />
          )}
        </details>
      ))}
    </section>
  );
}

function endOf({ outcome, took_ms }: ToolRun): string {
  if (outcome === "pending") return "waits for approval";
  return took_ms === null ? outcome : `${outcome}, ${Math.round(took_ms)} ms`;
}

function Detail({ label, text }: { label: string; text: string }) {
  return (
    <div class="detail">
      <span>{label}</span>
      <pre>{text}</pre>
    </div>
  );
}
