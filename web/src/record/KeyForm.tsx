import { useState } from "preact/hooks";
import type { RecordsApi } from "./api";

/** What people said is for operators alone. */
export function KeyForm({ api, onOpened }: { api: RecordsApi; onOpened: () => Promise<void> }) {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await api.open(key);
      await onOpened();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form class="key-form" onSubmit={submit}>
      <label for="key">Operators' key</label>
      <input
        id="key"
        type="password"
        autocomplete="current-password"
        value={key}
        aria-describedby="key-hint"
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={key === ""}>
        Open
      </button>
      <p id="key-hint" class="record-note" role={problem ? "alert" : undefined}>
        {problem || "./run calls --link prints an address that has it."}
      </p>
    </form>
  );
}
