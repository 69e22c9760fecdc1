"""What the model is shown: what was heard, what was done, and no more than fits."""

import itertools

from dialogue.history import (
    DROPPED_AT_ONCE,
    GO_ON,
    MAX_CONVERSATION_CHARS,
    MAX_MESSAGES,
    current_agent,
    messages,
)
from dialogue.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    UserMessage,
    length,
)
from parley.app.session import (
    AgentSaid,
    AnyEntry,
    HandedOff,
    Heard,
    PersonSaid,
    Resumed,
    ToolCalled,
)


def person(turn_id: str, text: str) -> PersonSaid:
    return PersonSaid(at_s=0, turn_id=turn_id, text=text)


def agent(turn_id: str, text: str) -> AgentSaid:
    return AgentSaid(at_s=0, turn_id=turn_id, text=text)


def heard(turn_id: str, text: str, *, final: bool = True) -> Heard:
    return Heard(at_s=0, turn_id=turn_id, text=text, final=final)


def called(turn_id: str, call_id: str = "c1", result: str = "On its way.") -> ToolCalled:
    return ToolCalled(
        at_s=0,
        turn_id=turn_id,
        call_id=call_id,
        name="order_status",
        arguments={"number": "7"},
        outcome="done",
        result=result,
    )


def shown(*entries: AnyEntry, text: str = "Next.") -> list[Message]:
    all_of_them = messages(entries, instructions="Be brief.", text=text)
    assert all_of_them[0] == SystemMessage("Be brief.")
    return all_of_them[1:]


def long_talk(turns: int, *, words: str = "word") -> list[AnyEntry]:
    talk: list[AnyEntry] = []
    for number in range(turns):
        turn_id = f"t{number}"
        talk += [person(turn_id, f"{number} {words}"), heard(turn_id, f"yes {number}")]
    return talk


def test_only_what_was_heard_of_an_answer_is_shown() -> None:
    assert shown(
        person("1", "Hello."),
        agent("1", "Hello, how are you today?"),
        heard("1", "Hello,", final=False),
        heard("1", "Hello, how are"),
    ) == [UserMessage("Hello."), AssistantMessage("Hello, how are"), UserMessage("Next.")]


def test_what_was_asked_into_the_wait_stands_before_the_answer() -> None:
    asked = PersonSaid(at_s=3, turn_id="1", text="Hello?")
    assert shown(person("1", "Where is it?"), asked, asked, heard("1", "Here.")) == [
        UserMessage("Where is it? Hello?"),
        AssistantMessage("Here."),
        UserMessage("Next."),
    ]


def test_of_an_answer_that_nobody_heard_nothing_is_shown() -> None:
    assert shown(person("1", "Book a table"), agent("1", "Sure."), person("2", "for two")) == [
        UserMessage("Book a table for two Next.")
    ]


def test_a_greeting_counts_as_far_as_it_was_heard() -> None:
    assert shown(agent("0", "Hi, I'm Parley."), heard("0", "Hi,"))[0] == AssistantMessage("Hi,")


def test_a_call_stands_in_its_turn_also_where_the_answer_after_it_was_cut() -> None:
    first, call, result, last = shown(
        person("1", "Where is it?"), called("1"), agent("1", "It is on its way.")
    )
    assert first == UserMessage("Where is it?") and last == UserMessage("Next.")
    assert isinstance(call, AssistantMessage)
    assert [c.arguments for c in call.calls] == ['{"number": "7"}']
    assert result == ToolMessage("c1", "On its way.")


def test_what_was_heard_late_belongs_to_its_own_turn() -> None:
    assert shown(
        person("1", "A?"), agent("1", "Yes, A."), person("2", "B?"), heard("1", "Yes,")
    ) == [UserMessage("A?"), AssistantMessage("Yes,"), UserMessage("B? Next.")]


def test_an_entry_that_was_written_twice_counts_once() -> None:
    twice: list[AnyEntry] = [person("1", "A?"), called("1"), heard("1", "Yes.")] * 2
    assert shown(*twice) == shown(*twice[:3])


def test_the_next_agent_is_shown_as_much_as_it_is_to_keep() -> None:
    before: list[AnyEntry] = [
        *(person("1", "A?"), agent("1", "Yes."), heard("1", "Yes.", final=False)),
        *(person("2", "B?"), heard("1", "Yes."), called("2")),
    ]
    after: list[AnyEntry] = [person("3", "C?"), heard("3", "Sure.")]

    def keeping(keeps: int | None) -> list[Message]:
        return shown(*before, HandedOff(at_s=0, agent="b", keeps=keeps), *after)

    own = [UserMessage("C?"), AssistantMessage("Sure."), UserMessage("Next.")]
    assert keeping(0) == own
    assert keeping(2)[0] == UserMessage("B?")
    assert [type(m) for m in keeping(1)[:2]] == [AssistantMessage, ToolMessage]
    assert keeping(3)[:2] == [AssistantMessage("Yes."), UserMessage("B?")]
    assert keeping(None) == shown(*before, *after) == keeping(99)


def test_keeping_more_than_there_is_keeps_everything() -> None:
    entries = [person("1", "A?"), agent("1", "Yes."), person("2", "B?")]
    for keeps in (3, 4, 5, 6, 7):
        handed_off = HandedOff(at_s=0, agent="b", keeps=keeps)
        assert shown(*entries, heard("1", "Yes."), handed_off)[0] == UserMessage("A?")


def test_who_takes_over_within_a_reply_is_shown_what_is_still_being_said() -> None:
    entries: list[AnyEntry] = [
        *(person("1", "It squeaks."), agent("1", "I hand you over.")),
        *(heard("1", "I hand", final=False), HandedOff(at_s=0, agent="b", keeps=4)),
    ]
    assert shown(*entries, text="")[:2] == [
        UserMessage("It squeaks."),
        AssistantMessage("I hand you over."),
    ]
    cut = heard("1", "I hand you")
    assert shown(*entries, cut)[1] == AssistantMessage("I hand you")


def test_the_agent_that_speaks_is_the_last_that_was_handed_to() -> None:
    assert current_agent([person("1", "A?")]) is None
    b, c = HandedOff(at_s=0, agent="b"), HandedOff(at_s=0, agent="c")
    assert current_agent([b, Resumed(at_s=0), c]) == "c"


def test_an_agent_that_speaks_of_itself_is_given_no_words_of_the_person() -> None:
    assert shown(person("1", "A?"), heard("1", "Yes."), text="") == [
        UserMessage("A?"),
        AssistantMessage("Yes."),
        SystemMessage(GO_ON),
    ]


def test_a_call_that_still_runs_is_shown_in_its_turn() -> None:
    entries: list[AnyEntry] = [person("1", "Order it."), heard("1", "I'm on it.")]
    running = called("1", result="It still runs.")
    conversation = messages(entries, instructions="", text="Quick!", running=[running])
    assert conversation[3] == ToolMessage("c1", "It still runs.")


def test_the_prompt_stays_bounded_and_is_cut_in_blocks() -> None:
    firsts: list[Message] = []
    for turns in range(1, 60):
        conversation = shown(*long_talk(turns))
        assert len(conversation) <= MAX_MESSAGES
        firsts.append(conversation[0])
    assert len(set(firsts)) <= 2 * 60 // DROPPED_AT_ONCE + 1


def test_few_long_messages_are_bounded_by_their_length() -> None:
    conversation = shown(*long_talk(9, words="word " * 500))
    assert sum(map(length, conversation)) <= MAX_CONVERSATION_CHARS
    assert conversation[-1] == UserMessage("Next.")
    alone = shown(text="word " * 5000)
    assert len(alone) == 1


def test_no_result_is_shown_without_its_call() -> None:
    for calls in range(1, 40):
        entries: list[AnyEntry] = [person("1", "A?")]
        entries += [called("1", f"c{number}", "x" * 300) for number in range(calls)]
        conversation = shown(*entries)
        for before, message in itertools.pairwise(conversation):
            if isinstance(message, ToolMessage):
                assert isinstance(before, AssistantMessage)
                assert before.calls[0].call_id == message.call_id
        assert not isinstance(conversation[0], ToolMessage)
