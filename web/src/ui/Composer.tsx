import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./Icon";

/** The text field beside speech; Enter sends. */
export function Composer(props: {
  field: RefObject<HTMLInputElement | null>;
  enabled: boolean;
  onSend: (text: string) => Promise<boolean>;
}) {
  const { field, enabled, onSend } = props;
  const [text, setText] = useState("");
  const [sending, setSending] = useState(false);
  const ready = enabled && !sending && text.trim() !== "";
  const send = async (event: Event) => {
    event.preventDefault();
    if (!ready) return;
    setSending(true);
    if (await onSend(text.trim())) setText("");
    setSending(false);
    field.current?.focus();
  };
  return (
    <form class="composer" onSubmit={send}>
      <input
        ref={field}
        type="text"
        aria-label="Message"
        placeholder="Type instead of speaking"
        autoComplete="off"
        enterKeyHint="send"
        maxLength={2000}
        value={text}
        disabled={!enabled}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="button-plain" aria-label="Send message" disabled={!ready}>
        <Icon name="send" />
      </button>
    </form>
  );
}
