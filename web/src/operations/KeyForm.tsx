import { useState } from "preact/hooks";
import type { OperationsApi } from "./api";

/** Where keys are asked for, the page needs one that may operate. */
export function KeyForm(props: { api: OperationsApi; why: string; onKey: () => Promise<void> }) {
  const [key, setKey] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    props.api.keepKey(key.trim());
    await props.onKey();
  };
  return (
    <form class="key-form" onSubmit={submit}>
      <label for="key">Key</label>
      <input
        id="key"
        type="password"
        autocomplete="off"
        value={key}
        aria-describedby="key-hint"
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={key.trim() === ""}>
        Open
      </button>
      <p id="key-hint" class="record-note" role="alert">
        {props.why}. ./run keys makes one; it is kept until this tab is closed.
      </p>
    </form>
  );
}
