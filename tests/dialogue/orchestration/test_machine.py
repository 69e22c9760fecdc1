"""The state machine, over all orders of events."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue.orchestration.machine import IDLE, LISTENING, SPEAKING, THINKING, step
from dialogue.orchestration.states import (
    AgentHasNews,
    AnswerBegan,
    AnswerMade,
    AnswerSpoken,
    ConnectionCame,
    DialogueEffect,
    DialogueEvent,
    FragmentCame,
    PersonSpeaks,
    Reject,
    Respond,
    SpeechEnded,
    StateChanged,
    StopSpeaking,
    StopThinking,
    TellInterrupt,
    Think,
    TurnStanding,
)

ALLOWED = {
    (IDLE, LISTENING),
    (IDLE, THINKING),  # the agent has news
    (LISTENING, THINKING),
    (LISTENING, IDLE),
    (THINKING, SPEAKING),
    (THINKING, LISTENING),
    (SPEAKING, IDLE),
    (SPEAKING, LISTENING),
    (SPEAKING, THINKING),  # the answer was lost with its process
}

texts = st.sampled_from(["", "hello", "two words", "what is it", "no"])
attempts = st.integers(0, 4)
at_s = st.just(0.0)
events: st.SearchStrategy[DialogueEvent] = st.one_of(
    st.builds(FragmentCame, at_s, texts, st.booleans()),
    st.builds(SpeechEnded, at_s),
    st.builds(PersonSpeaks, at_s),
    st.builds(AnswerBegan, at_s, attempts),
    st.builds(AnswerMade, at_s, attempts, texts),
    st.builds(AnswerSpoken, at_s, st.none() | attempts),
    st.builds(ConnectionCame, at_s),
    st.builds(AgentHasNews, at_s),
)


def run(
    given_events: Sequence[DialogueEvent], standing: TurnStanding | None = None
) -> tuple[TurnStanding, list[DialogueEffect]]:
    standing = standing or TurnStanding()
    effects: list[DialogueEffect] = []
    for event in given_events:
        standing, asked = step(standing, event)
        effects += asked
    return standing, effects


@settings(max_examples=250)
@given(st.lists(events, max_size=25))
def test_in_every_order_of_events_the_promises_hold(given_events: list[DialogueEvent]) -> None:
    standing = TurnStanding()
    thinking: int | None = None
    responded: set[int] = set()
    has_news = False
    for event in given_events:
        before = standing
        standing, effects = step(before, event)
        new_connection = isinstance(event, ConnectionCame)
        if new_connection:
            thinking = None  # it has died with the connection
        for effect in effects:
            match effect:
                case StateChanged(old, new):
                    assert (old, new) in ALLOWED
                    assert new_connection or (old, new) != (SPEAKING, THINKING)
                case Think(attempt, _, text):
                    assert thinking is None, "one thinking at a time"
                    assert text == standing.words
                    assert attempt == standing.attempt
                    has_news |= isinstance(event, AgentHasNews)
                    assert text or has_news
                    has_news &= not text
                    thinking = attempt
                case StopThinking(attempt):
                    assert thinking == attempt
                    thinking = None
                case Respond(attempt, _, _, again):
                    assert again == (attempt in responded)
                    assert again == new_connection
                    responded.add(attempt)
                    thinking = None
                case StopSpeaking() | TellInterrupt():
                    assert before.state is SPEAKING
                case Reject():
                    assert standing == before, "what is out of place changes nothing"
        moved = [effect for effect in effects if isinstance(effect, StateChanged)]
        assert standing.state is (moved[-1].new if moved else before.state)
        assert (thinking is not None) == (
            standing.state is THINKING
            or (standing.state is SPEAKING and not standing.answer_is_whole)
        )
        assert standing.turn_number >= before.turn_number
        assert TurnStanding.model_validate_json(standing.model_dump_json()) == standing


@given(st.lists(events, max_size=25))
def test_from_everywhere_there_is_a_way_to_idle(given_events: list[DialogueEvent]) -> None:
    standing, _ = run(given_events)
    attempt = standing.attempt
    ways = (SpeechEnded(1.0), AnswerMade(1.0, attempt + 1, "so"), AnswerSpoken(1.0))
    if standing.state in (THINKING, SPEAKING):
        ways = (AnswerMade(1.0, attempt, "so"), AnswerSpoken(1.0))  # type: ignore[assignment]
    ended, _ = run(ways, standing)
    assert ended.state is IDLE


@given(st.lists(events, max_size=25), st.integers(0, 3))
def test_what_belongs_to_an_earlier_attempt_changes_nothing(
    given_events: list[DialogueEvent], ago: int
) -> None:
    standing, _ = run(given_events)
    stale = standing.attempt - 1 - ago
    for event in (
        AnswerBegan(1.0, stale),
        AnswerMade(1.0, stale, "late"),
        AnswerSpoken(1.0, stale),
    ):
        assert step(standing, event) == (standing, ())


@given(st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.booleans()), min_size=1))
def test_no_final_word_is_lost_however_often_they_begin_again(
    said: list[tuple[str, bool]],
) -> None:
    standing = TurnStanding()
    for word, goes_on in said:
        standing, _ = run([FragmentCame(0.0, word, True)], standing)
        if goes_on:
            standing, _ = run([SpeechEnded(0.0), PersonSpeaks(0.0)], standing)
    standing, effects = step(standing, SpeechEnded(0.0))
    (thought,) = [effect for effect in effects if isinstance(effect, Think)]
    assert thought.text == " ".join(word for word, _ in said)
    assert thought.turn_number == 1


def test_a_turn_goes_round() -> None:
    standing, effects = run(
        [
            FragmentCame(1.0, "hel", False),
            FragmentCame(1.1, "hello", True),
            SpeechEnded(1.5),
            AnswerMade(2.0, 1, "Hi."),
            AnswerSpoken(3.0),
        ]
    )
    assert standing.state is IDLE
    assert [e for e in effects if not isinstance(e, StateChanged)] == [
        Think(1, 1, "hello", 1.5),
        Respond(1, 1, "Hi."),
        StopSpeaking(1, interrupted=False),
    ]
    changes = [(e.old, e.new, e.after_s) for e in effects if isinstance(e, StateChanged)]
    assert changes == [
        (IDLE, LISTENING, 0.0),
        (LISTENING, THINKING, pytest.approx(0.5)),
        (THINKING, SPEAKING, pytest.approx(0.5)),
        (SPEAKING, IDLE, pytest.approx(1.0)),
    ]


def test_an_interrupt_ends_the_answer_and_listens() -> None:
    standing, _ = run(
        [FragmentCame(0.0, "hello", True), SpeechEnded(0.0), AnswerMade(0.0, 1, "Well, then.")]
    )
    standing, effects = step(standing, PersonSpeaks(1.0))
    assert standing.state is LISTENING
    assert standing.words == ""
    assert TellInterrupt(1) in effects
    assert StopSpeaking(1, interrupted=True) in effects


def test_a_final_that_comes_late_is_thought_about_again_where_it_says_something_else() -> None:
    thinking, _ = run([FragmentCame(0.0, "two tickets to", False), SpeechEnded(0.0)])
    same, effects = step(thinking, FragmentCame(0.1, "Two tickets to.", True))
    assert (same.words, effects) == ("two tickets to", ())
    other, effects = step(thinking, FragmentCame(0.1, "two tickets to Rome", True))
    assert other.state is THINKING
    assert effects == (StopThinking(1), Think(2, 1, "two tickets to Rome", 0.1))


def test_new_words_over_the_answer_interrupt_it_and_the_same_words_do_not() -> None:
    speaking, _ = run(
        [FragmentCame(0.0, "hello", False), SpeechEnded(0.0), AnswerMade(0.0, 1, "Hi.")]
    )
    assert step(speaking, FragmentCame(1.0, "Hello.", True)) == (speaking, ())
    cut, effects = step(speaking, FragmentCame(1.0, "wait", True))
    assert (cut.state, cut.words) == (LISTENING, "wait")
    assert TellInterrupt(1) in effects


def test_without_words_the_end_of_speech_is_the_end_of_it() -> None:
    standing, effects = run(
        [FragmentCame(0.0, "um", False), FragmentCame(0.1, "", False), SpeechEnded(0.2)]
    )
    assert standing.state is IDLE
    assert not [e for e in effects if isinstance(e, Think)]
