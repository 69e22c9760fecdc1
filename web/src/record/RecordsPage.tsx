import { useCallback, useEffect, useState } from "preact/hooks";
import { type CallRecord, type CallSummary, type RecordsApi, Refusal } from "./api";
import { CallList } from "./CallList";
import { CallView } from "./CallView";
import { KeyForm } from "./KeyForm";

type Shown =
  | { readonly kind: "loading" }
  | { readonly kind: "locked" }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "list"; readonly calls: readonly CallSummary[]; readonly more: boolean }
  | { readonly kind: "call"; readonly call: CallRecord; readonly peaks: Uint8Array };

/** The key of a link, which does not stay in the address. */
function takeKey(): string {
  const key = new URLSearchParams(location.hash.slice(1)).get("key") ?? "";
  if (key) history.replaceState(null, "", location.pathname);
  return key;
}

/** The records of calls, or the one of this id. */
export function RecordsPage({ api, id }: { api: RecordsApi; id: string }) {
  const [shown, show] = useState<Shown>({ kind: "loading" });

  const load = useCallback(async () => {
    try {
      if (id === "") {
        show({ kind: "list", ...(await api.list()) });
      } else {
        const [call, peaks] = await Promise.all([api.call(id), api.peaks(id)]);
        show({ kind: "call", call, peaks });
      }
    } catch (error) {
      const locked = error instanceof Refusal && error.code === "operators_only";
      show(locked ? { kind: "locked" } : { kind: "failed", why: String(error) });
    }
  }, [api, id]);

  useEffect(() => {
    const key = takeKey();
    void (key ? api.open(key).catch(() => undefined) : Promise.resolve()).then(load);
  }, [api, load]);

  return (
    <div class="record">
      <header class="record-header">
        <h1 class="wordmark">
          <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path class="wordmark-person" d="M4 15a9 9 0 0 1 18 0z" />
            <path class="wordmark-agent" d="M10 17a9 9 0 0 0 18 0z" />
          </svg>
          Parley
        </h1>
        {id !== "" && shown.kind === "call" && <a href="/calls">All calls</a>}
      </header>
      <main>
        <Content shown={shown} api={api} onOpened={load} />
      </main>
    </div>
  );
}

function Content(props: { shown: Shown; api: RecordsApi; onOpened: () => Promise<void> }) {
  const { shown, api, onOpened } = props;
  switch (shown.kind) {
    case "loading":
      return <p class="record-note">Loading</p>;
    case "locked":
      return <KeyForm api={api} onOpened={onOpened} />;
    case "failed":
      return (
        <p class="record-note" role="alert">
          {shown.why}
        </p>
      );
    case "list":
      return <CallList calls={shown.calls} more={shown.more} />;
    case "call":
      return (
        <CallView call={shown.call} peaks={shown.peaks} audio={api.audioAddress(shown.call.id)} />
      );
  }
}
