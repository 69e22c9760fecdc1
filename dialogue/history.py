"""What the model is shown of a session: derived from its log, and only what was heard."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dialogue.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    ToolRequest,
    UserMessage,
    length,
)
from parley.app.agent import ExampleExchange
from parley.app.session import AgentSaid, AnyEntry, HandedOff, Heard, PersonSaid, ToolCalled

MAX_MESSAGES = 20
DROPPED_AT_ONCE = 8
"""Old messages leave in blocks: between two of them the prompt only grows, and stays cached."""
MAX_CONVERSATION_CHARS = 9000
"""Some 2,300 tokens: with the instructions and the answer they fit a context of 4,096."""
GO_ON = "You speak next. Go on with the conversation."


@dataclass
class _Turn:
    said: list[PersonSaid] = field(default_factory=list)
    """More than one where they asked into the wait whether anybody is there."""
    calls: dict[str, ToolCalled] = field(default_factory=dict)
    heard: str = ""
    made: str = ""
    """The answer, whether it has been heard or not."""
    is_over: bool = False
    """No more of it will be heard."""


def messages(
    entries: Sequence[AnyEntry],
    *,
    instructions: str,
    examples: Sequence[ExampleExchange] = (),
    text: str = "",
    running: Sequence[ToolCalled] = (),
    notes: str = "",
) -> list[Message]:
    """The messages that the model answers: the opening, the conversation, and last what was said.

    `entries` without those of the turn that is to be answered; `text` is what the person said in
    it, empty where the agent is to speak of itself: what another has just said will have been
    heard by then. `running` are calls of earlier turns that have not ended yet, with what the
    model is to know of them. `notes` are for this answer alone: they stand before what was said,
    so that the prompt up to there is the one before and stays cached.
    """
    turns = _turns([*_shown(entries), *running])
    if not text and turns and not turns[-1].is_over:
        turns[-1].heard = turns[-1].made
    conversation = list(_conversation(turns))
    if text:
        _append(conversation, UserMessage(text))
    conversation = recent(conversation)
    if not text and conversation and isinstance(conversation[-1], AssistantMessage):
        # Servers take a last message of the assistant for one that they are to complete.
        conversation.append(SystemMessage(notes or GO_ON))
    elif notes:
        conversation.insert(len(conversation) - bool(text), SystemMessage(notes))
    return [*opening(instructions, examples), *conversation]


def opening(instructions: str, examples: Sequence[ExampleExchange] = ()) -> list[Message]:
    """What stands before every conversation of an agent: its instructions, and how it answers."""
    shown: list[Message] = [SystemMessage(instructions)]
    for example in examples:
        shown += [UserMessage(example.person), AssistantMessage(example.agent)]
    return shown


def recent(conversation: Sequence[Message]) -> list[Message]:
    """The latest messages, bounded in number and in characters; at least the last one.

    No result of a tool is shown without its call.
    """
    surplus = len(conversation) - MAX_MESSAGES
    dropped = -(-surplus // DROPPED_AT_ONCE) * DROPPED_AT_ONCE if surplus > 0 else 0
    characters = 0
    for place in range(len(conversation) - 1, dropped - 1, -1):
        characters += length(conversation[place])
        if characters > MAX_CONVERSATION_CHARS:
            dropped = min(place + 1, len(conversation) - 1)
            break
    while dropped and isinstance(conversation[dropped], ToolMessage):
        dropped -= 1
    return list(conversation[dropped:])


def current_agent(entries: Sequence[AnyEntry]) -> str | None:
    """Name of the agent that the conversation was last handed to; None: the first one."""
    for entry in reversed(entries):
        if isinstance(entry, HandedOff):
            return entry.agent
    return None


def _shown(entries: Sequence[AnyEntry]) -> list[AnyEntry]:
    """What the current agent is shown: of what was before it came, the last `keeps` things that
    were said or done, and how much of these was heard."""
    place = next(
        (n for n in range(len(entries) - 1, -1, -1) if isinstance(entries[n], HandedOff)), None
    )
    if place is None:
        return list(entries)
    handed_off = entries[place]
    assert isinstance(handed_off, HandedOff)
    if handed_off.keeps is None:
        return list(entries)
    events = [e for e in entries[:place] if isinstance(e, PersonSaid | AgentSaid | ToolCalled)]
    kept: list[AnyEntry] = list(events[-handed_off.keeps :] if handed_off.keeps else ())
    hidden = {e.turn_id for e in events} - {_turn_id(e) for e in kept}
    heard = [e for e in entries[:place] if isinstance(e, Heard)]
    return [e for e in (*kept, *heard, *entries[place:]) if _turn_id(e) not in hidden]


def _turn_id(entry: AnyEntry) -> str:
    return getattr(entry, "turn_id", "")


def _turns(entries: Iterable[AnyEntry]) -> list[_Turn]:
    """What belongs together, in the order in which the turns began. An entry that was written
    twice (a store that failed too late) counts once."""
    turns: dict[str, _Turn] = {}
    for entry in entries:
        if isinstance(entry, PersonSaid | AgentSaid | Heard | ToolCalled):
            turn = turns.setdefault(entry.turn_id, _Turn())
            if isinstance(entry, PersonSaid):
                if entry not in turn.said:
                    turn.said.append(entry)
            elif isinstance(entry, ToolCalled):
                turn.calls[entry.call_id] = entry
            elif isinstance(entry, Heard):
                turn.heard, turn.is_over = entry.text, entry.final
            else:
                turn.made = entry.text
    return list(turns.values())


def _conversation(turns: Iterable[_Turn]) -> list[Message]:
    shown: list[Message] = []
    for turn in turns:
        if said := " ".join(entry.text.strip() for entry in turn.said).strip():
            _append(shown, UserMessage(said))
        # One after the other, also where they ran side by side: the log does not tell them apart.
        for call in turn.calls.values():
            arguments = json.dumps(call.arguments, ensure_ascii=False)
            shown.append(AssistantMessage(calls=(ToolRequest(call.call_id, call.name, arguments),)))
            shown.append(ToolMessage(call.call_id, call.result))
        if turn.heard.strip():
            _append(shown, AssistantMessage(turn.heard.strip()))
    return shown


def _append(shown: list[Message], message: UserMessage | AssistantMessage) -> None:
    """Adds the message, or joins it to one before it from the same side."""
    last = shown[-1] if shown else None
    if isinstance(message, UserMessage) and isinstance(last, UserMessage):
        shown[-1] = UserMessage(f"{last.text} {message.text}")
    elif (
        isinstance(message, AssistantMessage)
        and isinstance(last, AssistantMessage)
        and not last.calls
    ):
        shown[-1] = AssistantMessage(f"{last.text} {message.text}")
    else:
        shown.append(message)
