import { useState } from "preact/hooks";
import type { Approval, ApprovalStats } from "./api";
import { duration } from "./figures";

type Decide = (each: Approval, approved: boolean, by: string, notes: string) => Promise<boolean>;

/** What waits for a person, most urgent first. */
export function Approvals(props: {
  approvals: readonly Approval[] | null;
  stats: ApprovalStats | null;
  decide: Decide;
}) {
  const [by, setBy] = useState("");
  if (props.approvals === null) return null;
  const urgent = [...props.approvals].sort((one, other) => one.expires_at - other.expires_at);
  return (
    <section aria-labelledby="approvals">
      <h2 id="approvals">Approvals</h2>
      {props.stats && <Figures stats={props.stats} />}
      {urgent.length === 0 ? (
        <p class="record-note">Nothing waits for a decision.</p>
      ) : (
        <>
          <label class="field" for="approver">
            Your name
            <input
              id="approver"
              value={by}
              autocomplete="username"
              onInput={(event) => setBy(event.currentTarget.value)}
            />
          </label>
          <ul class="cards">
            {urgent.map((each) => (
              <Waiting
                key={each.approval_id}
                approval={each}
                by={by.trim()}
                decide={props.decide}
              />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Figures({ stats }: { stats: ApprovalStats }) {
  const median = stats.median_seconds_to_decide;
  return (
    <p class="record-note">
      {stats.pending} waiting, {stats.approved} approved, {stats.rejected} refused, {stats.expired}{" "}
      expired{median === null ? "" : `; half of them decided within ${duration(median)}`}
    </p>
  );
}

function Waiting(props: { approval: Approval; by: string; decide: Decide }) {
  const { approval, by, decide } = props;
  const [notes, setNotes] = useState("");
  const [deciding, setDeciding] = useState(false);
  const left = approval.expires_at - Date.now() / 1000;
  const give = async (approved: boolean) => {
    setDeciding(true);
    if (!(await decide(approval, approved, by, notes.trim()))) setDeciding(false);
  };
  const id = `notes-${approval.approval_id}`;
  return (
    <li class="card">
      <p class="card-action">{approval.proposed_action}</p>
      <p class="record-note">
        <span class={`risk risk-${approval.risk_level}`}>{approval.risk_level} risk</span>, asked in{" "}
        {approval.orchestration_id}, {duration(left)} left
      </p>
      {approval.context.state_summary && <blockquote>{approval.context.state_summary}</blockquote>}
      <label class="field" for={id}>
        Notes, which the person may be told
        <input id={id} value={notes} onInput={(event) => setNotes(event.currentTarget.value)} />
      </label>
      <div class="buttons">
        <button
          type="button"
          class="button button-yes"
          disabled={by === "" || deciding}
          onClick={() => give(true)}
        >
          Approve
        </button>
        <button
          type="button"
          class="button"
          disabled={by === "" || deciding}
          onClick={() => give(false)}
        >
          Refuse
        </button>
      </div>
    </li>
  );
}
