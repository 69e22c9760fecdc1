import type { Breaker, Health, Session } from "./api";
import { duration, milliseconds } from "./figures";

export function Breakers(props: {
  breakers: readonly Breaker[] | null;
  reset: (name: string) => Promise<boolean>;
}) {
  if (props.breakers === null) return null;
  return (
    <section aria-labelledby="breakers">
      <h2 id="breakers">Circuit breakers</h2>
      {props.breakers.length === 0 ? (
        <p class="record-note">None has been used so far.</p>
      ) : (
        <div class="call-list">
          <table>
            <thead>
              <tr>
                <th scope="col">Around</th>
                <th scope="col">State</th>
                <th scope="col">Failed or slow</th>
                <th scope="col">Again in</th>
                <th scope="col">
                  <span class="unseen">Reset</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {props.breakers.map((each) => (
                <tr key={each.name}>
                  <th scope="row">{each.name}</th>
                  <td class={each.state === "closed" ? "" : "alarm"}>{each.state}</td>
                  <td>
                    {each.failures} of {each.calls}
                  </td>
                  <td>{each.retry_after_seconds > 0 ? duration(each.retry_after_seconds) : ""}</td>
                  <td>
                    <button
                      type="button"
                      class="button"
                      aria-label={`Reset ${each.name}`}
                      onClick={() => props.reset(each.name)}
                    >
                      Reset
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

export function Sessions({ sessions }: { sessions: readonly Session[] | null }) {
  if (sessions === null) return null;
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">Sessions</h2>
      {sessions.length === 0 ? (
        <p class="record-note">There is none.</p>
      ) : (
        <div class="call-list">
          <table>
            <caption class="record-note">Latencies of the last turn, in milliseconds</caption>
            <thead>
              <tr>
                <th scope="col">Session</th>
                <th scope="col">State</th>
                <th scope="col">Turn</th>
                <th scope="col">Intent</th>
                <th scope="col">Retrieval</th>
                <th scope="col">Model</th>
                <th scope="col">Speech</th>
                <th scope="col">Total</th>
              </tr>
            </thead>
            <tbody>
              {sessions.map((each) => (
                <tr key={each.session_id} class={each.active ? "" : "inactive"}>
                  <th scope="row">{each.session_id}</th>
                  <td>{each.state}</td>
                  <td>{each.turn_number}</td>
                  <td>{milliseconds(each.intent_latency_ms)}</td>
                  <td>{milliseconds(each.rag_latency_ms)}</td>
                  <td>{milliseconds(each.llm_latency_ms)}</td>
                  <td>{milliseconds(each.tts_latency_ms)}</td>
                  <td>{milliseconds(each.total_latency_ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

export function HealthView({ health }: { health: Health | null }) {
  if (health === null) return null;
  const services = Object.entries(health.services ?? {}).map(
    ([name, status]) => [name, status, ""] as const,
  );
  const components = Object.entries(health.components ?? {}).map(
    ([name, each]) => [name, each.status, each.error ?? ""] as const,
  );
  return (
    <section aria-labelledby="health">
      <h2 id="health">Health</h2>
      <p class="record-note">
        {health.active_sessions ?? 0} sessions, up for {duration(health.uptime_seconds ?? 0)}
      </p>
      <dl class="parts">
        {[...services, ...components].map(([name, status, error]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class={status === "healthy" ? "" : "alarm"}>{error || status}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
