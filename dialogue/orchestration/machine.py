"""The state machine of a conversation: events with times in, effects out, and nothing else."""

from typing import Any

from dialogue.orchestration.states import (
    AgentHasNews,
    AnswerBegan,
    AnswerMade,
    AnswerSpoken,
    ConnectionCame,
    DialogueEffect,
    DialogueEvent,
    DialogueState,
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

IDLE, LISTENING = DialogueState.IDLE, DialogueState.LISTENING
THINKING, SPEAKING = DialogueState.THINKING, DialogueState.SPEAKING

OUT_OF_PLACE = "out_of_place"

Stepped = tuple[TurnStanding, tuple[DialogueEffect, ...]]


def step(standing: TurnStanding, event: DialogueEvent) -> Stepped:  # noqa: PLR0911 - a case each
    """Where the session stands after the event, and what is to be done about it, in order."""
    match event:
        case FragmentCame():
            return _fragment(standing, event)
        case SpeechEnded(at_s):
            return _speech_ended(standing, at_s)
        case PersonSpeaks(at_s):
            return _person_speaks(standing, at_s)
        case AnswerBegan(at_s, attempt):
            if standing.state is not THINKING or attempt != standing.attempt:
                return standing, ()
            return _moved(standing, SPEAKING, "answer_begun", at_s)
        case AnswerMade():
            return _answer_made(standing, event)
        case AnswerSpoken():
            return _answer_spoken(standing, event)
        case ConnectionCame(at_s):
            return _connection_came(standing, at_s)
        case AgentHasNews(at_s):
            if standing.state is not IDLE:
                return standing, ()  # the next answer tells it
            return _thinking(standing, at_s, "news")


def _fragment(standing: TurnStanding, event: FragmentCame) -> Stepped:  # noqa: PLR0911
    text = " ".join(event.text.split())
    heard = _with(standing, text, event)
    match standing.state:
        case DialogueState.IDLE:
            return _moved(heard, LISTENING, "first_fragment", event.at_s) if text else (heard, ())
        case DialogueState.LISTENING:
            return heard, ()
        case DialogueState.THINKING:
            if not event.is_final:
                return standing, (_misplaced("a partial stt_fragment", standing),)
            if not text or _same(text, standing.partial or (standing.finals or ("",))[-1]):
                return _settled_partial(standing, text), ()
            again = heard.model_copy(update={"attempt": standing.attempt + 1})
            return again, (StopThinking(standing.attempt), _think(again, event.at_s))
        case DialogueState.SPEAKING:
            if not event.is_final:
                return standing, (_misplaced("a partial stt_fragment", standing),)
            if not text or _same(text, standing.partial or (standing.finals or ("",))[-1]):
                return standing, ()  # late words for what has been answered
            cut, effects = _person_speaks(standing, event.at_s)
            return _with(cut, text, event), effects


def _with(standing: TurnStanding, text: str, event: FragmentCame) -> TurnStanding:
    if event.is_final:
        finals = (*standing.finals, text) if text else standing.finals
        return standing.model_copy(update={"finals": finals, "partial": ""})
    return standing.model_copy(update={"partial": text})


def _settled_partial(standing: TurnStanding, text: str) -> TurnStanding:
    """The words stay what they are, and are final now."""
    if text and standing.partial and _same(text, standing.partial):
        finals = (*standing.finals, standing.partial)
        return standing.model_copy(update={"finals": finals, "partial": ""})
    return standing


def _speech_ended(standing: TurnStanding, at_s: float) -> Stepped:
    match standing.state:
        case DialogueState.IDLE:
            return standing, ()
        case DialogueState.LISTENING if not standing.words:
            return _moved(standing, IDLE, "no_words", at_s)
        case DialogueState.LISTENING:
            return _thinking(standing, at_s, "vad_end")
        case _:
            return standing, (_misplaced("vad_end", standing),)


def _thinking(standing: TurnStanding, at_s: float, why: str) -> Stepped:
    begun = standing.model_copy(
        update={
            "attempt": standing.attempt + 1,
            "turn_number": standing.turn_number + (not standing.merges),
            "merges": False,
            "answer": "",
            "answer_is_whole": False,
        }
    )
    moved, changed = _moved(begun, THINKING, why, at_s)
    return moved, (*changed, _think(moved, at_s))


def _person_speaks(standing: TurnStanding, at_s: float) -> Stepped:
    match standing.state:
        case DialogueState.THINKING:
            kept = standing.model_copy(
                update={
                    "finals": (standing.words,) if standing.words else (),
                    "partial": "",
                    "merges": bool(standing.words),
                }
            )
            moved, changed = _moved(kept, LISTENING, "user_speaking", at_s)
            return moved, (StopThinking(standing.attempt), *changed)
        case DialogueState.SPEAKING:
            moved, changed = _moved(_without_words(standing), LISTENING, "interrupt", at_s)
            attempt = standing.attempt
            stopped = StopSpeaking(attempt, interrupted=True)
            unfinished = () if standing.answer_is_whole else (StopThinking(attempt, begun=True),)
            return moved, (*unfinished, stopped, TellInterrupt(attempt), *changed)
        case _:
            return standing, ()


def _answer_made(standing: TurnStanding, event: AnswerMade) -> Stepped:
    if event.attempt != standing.attempt or standing.state not in (THINKING, SPEAKING):
        return standing, ()
    if standing.answer_is_whole:
        return standing, ()
    made = standing.model_copy(update={"answer": event.text, "answer_is_whole": True})
    respond = Respond(made.attempt, made.turn_number, event.text)
    if standing.state is SPEAKING:
        return made, (respond,)
    moved, changed = _moved(made, SPEAKING, "response_ready", event.at_s)
    return moved, (*changed, respond)


def _answer_spoken(standing: TurnStanding, event: AnswerSpoken) -> Stepped:
    by_client = event.attempt is None
    if standing.state is not SPEAKING or not standing.answer_is_whole:
        return standing, ((_misplaced("tts_complete", standing),) if by_client else ())
    if not by_client and event.attempt != standing.attempt:
        return standing, ()
    moved, changed = _moved(_without_words(standing), IDLE, "spoken", event.at_s)
    return moved, (StopSpeaking(standing.attempt, interrupted=False), *changed)


def _connection_came(standing: TurnStanding, at_s: float) -> Stepped:
    if standing.state is SPEAKING and standing.answer_is_whole:
        respond = Respond(standing.attempt, standing.turn_number, standing.answer, again=True)
        return standing, (respond,)
    if standing.state not in (THINKING, SPEAKING):
        return standing, ()
    changed: tuple[DialogueEffect, ...] = ()
    if standing.state is SPEAKING:  # what was to come of the answer is lost
        standing, changed = _moved(standing, THINKING, "answer_lost", at_s)
    return standing, (*changed, _think(standing, at_s, again=True))


def _without_words(standing: TurnStanding) -> TurnStanding:
    return standing.model_copy(update={"finals": (), "partial": "", "merges": False})


def _think(standing: TurnStanding, at_s: float, *, again: bool = False) -> Think:
    return Think(standing.attempt, standing.turn_number, standing.words, at_s, again)


def _moved(standing: TurnStanding, state: DialogueState, why: str, at_s: float) -> Stepped:
    after_s = max(0.0, at_s - standing.since_s) if standing.since_s else 0.0
    changes: dict[str, Any] = {"state": state, "since_s": at_s}
    changed = StateChanged(standing.state, state, why, at_s, after_s)
    return standing.model_copy(update=changes), (changed,)


def _misplaced(what: str, standing: TurnStanding) -> Reject:
    return Reject(OUT_OF_PLACE, f"{what} has no meaning while the session is {standing.state}")


def _same(one: str, other: str) -> bool:
    """As far as people mean it: letters and digits, whatever their case."""
    return _letters(one) == _letters(other)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
