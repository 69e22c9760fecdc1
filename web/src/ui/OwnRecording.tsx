import { useEffect, useState } from "preact/hooks";
import { fetchRecording } from "../call/recording";
import { Icon } from "./Icon";

type Fetched = "no" | "fetching" | "failed" | { readonly url: string };

/** The sound of one's own call, fetched when it is asked for: to hear, and to keep as NAME.flac. */
export function OwnRecording(props: { record: string; session: string; name: string }) {
  const { record, session, name } = props;
  const [fetched, setFetched] = useState<Fetched>("no");
  const wanted = fetched === "fetching";
  useEffect(() => {
    if (!wanted) return;
    const asking = new AbortController();
    fetchRecording(record, session, asking.signal)
      .then((sound) => setFetched({ url: URL.createObjectURL(sound) }))
      .catch(() => {
        if (!asking.signal.aborted) setFetched("failed");
      });
    return () => asking.abort();
  }, [wanted, record, session]);
  const url = typeof fetched === "object" ? fetched.url : "";
  useEffect(() => (url ? () => URL.revokeObjectURL(url) : undefined), [url]);

  if (url) {
    return (
      <span class="after-recording">
        {/* biome-ignore lint/a11y/useMediaCaption: its words stand above it */}
        <audio controls src={url} aria-label="Recording of both sides" />
        <a class="button-link" href={url} download={`${name}.flac`}>
          <Icon name="download" />
          Keep the recording
        </a>
      </span>
    );
  }
  return (
    <button
      type="button"
      class="button-link"
      disabled={wanted}
      onClick={() => setFetched("fetching")}
    >
      <Icon name="sound" />
      {wanted ? "Fetching the recording …" : "Hear the recording"}
      {fetched === "failed" && " (not to be had now)"}
    </button>
  );
}
