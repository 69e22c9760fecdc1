import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Chat } from "./chat";
import { ProductCards } from "./ProductCards";
import type { ChatLine, ChatState } from "./state";

const NAMES = { person: "You", agent: "Parley" } as const;

export function ChatPage({ chat }: { chat: Chat }) {
  const state = useChatState(chat);
  const end = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines are what is followed
  useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [state.lines, state.progress]);
  return (
    <div class="chat">
      <header class="chat-header">
        <h1 class="wordmark">
          <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path class="wordmark-person" d="M4 15a9 9 0 0 1 18 0z" />
            <path class="wordmark-agent" d="M10 17a9 9 0 0 0 18 0z" />
          </svg>
          Parley
        </h1>
        <nav>
          <button type="button" class="button-link" onClick={() => chat.startAnew()}>
            New chat
          </button>
          <a href="/">Call instead</a>
        </nav>
      </header>
      <main class="chat-main">
        <div class="chat-lines" role="log" aria-label="Conversation" aria-live="polite">
          {state.lines.map((line, place) => (
            <Line key={place} line={line} />
          ))}
          <Status state={state} />
          <div ref={end} />
        </div>
      </main>
      <Suggestions state={state} chat={chat} />
      <Field enabled={state.connection === "open"} onSay={(text) => chat.say(text)} />
    </div>
  );
}

function Line({ line }: { line: ChatLine }) {
  return (
    <div class={`line line-${line.speaker}`} data-speaker={line.speaker}>
      <span class="name">{NAMES[line.speaker]}</span>
      <span class="words">{line.text}</span>
      {line.found && <ProductCards found={line.found} />}
    </div>
  );
}

function Status({ state }: { state: ChatState }) {
  const lost = state.connection === "lost" && !state.problem ? "Connection lost, coming back" : "";
  return (
    <>
      {(state.progress || lost) && (
        <p class="chat-progress" role="status">
          {lost || state.progress}
        </p>
      )}
      {state.problem && (
        <p class="chat-problem" role="alert">
          {state.problem}
        </p>
      )}
    </>
  );
}

function Suggestions({ state, chat }: { state: ChatState; chat: Chat }) {
  if (state.suggestions.length === 0) return null;
  return (
    <fieldset class="suggestions">
      <legend class="unseen">Suggested answers</legend>
      {state.suggestions.map((suggestion) => (
        <button key={suggestion} type="button" class="button" onClick={() => chat.say(suggestion)}>
          {suggestion}
        </button>
      ))}
    </fieldset>
  );
}

function Field({ enabled, onSay }: { enabled: boolean; onSay: (text: string) => void }) {
  const [text, write] = useState("");
  const onSubmit = (event: Event) => {
    event.preventDefault();
    if (!enabled || !text.trim()) return;
    onSay(text.trim());
    write("");
  };
  return (
    <form class="chat-field" onSubmit={onSubmit}>
      <input
        value={text}
        maxLength={4000}
        aria-label="Your message"
        placeholder="What are you looking for?"
        onInput={(event) => write(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={!enabled}>
        Send
      </button>
    </form>
  );
}

function useChatState(chat: Chat): ChatState {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const leave = chat.subscribe(() => redraw(undefined));
    chat.connect();
    return leave;
  }, [chat]);
  return chat.state;
}
