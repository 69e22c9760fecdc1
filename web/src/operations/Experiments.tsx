import { useState } from "preact/hooks";
import type { Experiment, OperationsApi, VariantResult } from "./api";
import { ExperimentForm } from "./ExperimentForm";
import { configuration, interval, percent, points } from "./figures";
import type { Act } from "./OperationsPage";

/** The newest first, each with what it has found so far. */
export function Experiments(props: {
  experiments: readonly Experiment[] | null;
  api: OperationsApi;
  act: Act;
}) {
  const { experiments, api, act } = props;
  const [drafting, setDrafting] = useState(false);
  if (experiments === null) return null;
  return (
    <section aria-labelledby="experiments">
      <h2 id="experiments">Experiments</h2>
      {experiments.length === 0 && <p class="record-note">There is none so far.</p>}
      {drafting ? (
        <ExperimentForm
          onCancel={() => setDrafting(false)}
          onDraft={async (draft) => {
            if (await act("A draft was made.", () => api.create(draft))) setDrafting(false);
          }}
        />
      ) : (
        <button type="button" class="button" onClick={() => setDrafting(true)}>
          New experiment
        </button>
      )}
      <ul class="cards">
        {experiments.map((each) => (
          <li class="card" key={each.experiment_id}>
            <ExperimentView
              experiment={each}
              start={() => act(`${each.name} has begun.`, () => api.start(each.experiment_id))}
              stop={() => act(`${each.name} was stopped.`, () => api.stop(each.experiment_id))}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

function ExperimentView(props: {
  experiment: Experiment;
  start: () => Promise<boolean>;
  stop: () => Promise<boolean>;
}) {
  const { experiment, start, stop } = props;
  const found = experiment.results;
  return (
    <>
      <h3>
        {experiment.name}{" "}
        <span class={`status status-${experiment.status}`}>{experiment.status}</span>
      </h3>
      <p class="record-note">
        {experiment.hypothesis || experiment.metric}; {experiment.user_percentage}% of the users
      </p>
      {found?.sample_ratio.mismatch && (
        <p class="alarm" role="alert">
          The users are not shared out as planned (p {found.sample_ratio.p_value.toExponential(1)}):
          find out why before you believe anything below.
        </p>
      )}
      <div class="call-list">
        <table>
          <thead>
            <tr>
              <th scope="col">Variant</th>
              <th scope="col">Share</th>
              <th scope="col">Exposed</th>
              <th scope="col">Converted</th>
              <th scope="col">Mean</th>
              <th scope="col">Difference, points</th>
              <th scope="col">95% interval</th>
            </tr>
          </thead>
          <tbody>
            {experiment.variants.map((variant) => (
              <tr key={variant.name}>
                <th scope="row">
                  {variant.name} <small>{configuration(variant.config)}</small>
                </th>
                <td>{variant.traffic_percentage}%</td>
                <Found result={found?.variants.find((each) => each.name === variant.name)} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="record-note">
        {experiment.status === "stopped"
          ? `Winner: ${experiment.winner ?? "none"}`
          : found && `${found.winner ? `${found.winner} leads` : "No winner"}: ${found.why}`}
      </p>
      {experiment.status === "draft" && (
        <button type="button" class="button" onClick={start}>
          Start
        </button>
      )}
      {experiment.status === "running" && (
        <button type="button" class="button" onClick={stop}>
          Stop
        </button>
      )}
    </>
  );
}

function Found({ result }: { result: VariantResult | undefined }) {
  if (!result) return <td colSpan={5} />;
  return (
    <>
      <td>{result.exposed}</td>
      <td>{result.converted}</td>
      <td>{percent(result.mean)}</td>
      <td>{result.difference === null ? "" : points(result.difference)}</td>
      <td class={result.significant ? "found" : ""}>
        {result.difference === null ? "" : interval(result.interval)}
      </td>
    </>
  );
}
