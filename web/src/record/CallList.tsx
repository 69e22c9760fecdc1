import type { CallSummary } from "./api";
import { clock } from "./picture";

export function CallList({ calls, more }: { calls: readonly CallSummary[]; more: boolean }) {
  if (calls.length === 0) return <p class="record-note">No call has been recorded so far.</p>;
  return (
    <div class="call-list">
      <h2>Calls</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Began</th>
            <th scope="col">Length</th>
            <th scope="col">Turns</th>
            <th scope="col">Cut</th>
            <th scope="col">Errors</th>
            <th scope="col">Slowest</th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <tr key={call.id}>
              <th scope="row">
                <a href={`/calls/${call.id}`}>
                  {new Date(1000 * call.began_at_s).toLocaleString()}
                </a>
              </th>
              <td>
                {clock(call.length_s)}
                {call.state !== "ended" && <small> {call.state}</small>}
              </td>
              <td>{call.turns}</td>
              <td>{call.interruptions || ""}</td>
              <td class="alarm">{call.errors || ""}</td>
              <td class={call.over_objective ? "alarm" : ""}>
                {call.slowest_ms === null ? "" : `${Math.round(call.slowest_ms)} ms`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {more && <p class="record-note">Older ones: ./run calls -n 1000</p>}
    </div>
  );
}
