"""Asks questions in calls, one after the other, and measures on the sound when each is answered.

Nothing here is Parley's own but the events, which tell a filler from an answer and where the time
went: an agent that sends none is measured in the same way.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

from bench.response_path import AnswerPath, answer_path
from bench.response_questions import Kind, SpokenQuestion
from caller import measure
from caller.access import Access
from caller.answers import answer_sample
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.client import RoomClient, join
from caller.errors import CallError
from caller.floor_log import FloorLog
from parley.room_events import TurnEvent

PER_CALL = 6
"""Questions of one call."""
SETTLE_S = 2.0
"""From when the agent's voice can be heard to the first question."""
ANSWER_TIMEOUT_S = 12.0
REPLY_TIMEOUT_S = 60.0
QUIET_S = 1.5
"""A reply that was silent for so long has ended, for an agent that does not say so itself."""
BETWEEN_S = (0.3, 1.3)
_AT_REST = ("", "listening")


@dataclass(frozen=True)
class AskedQuestion:
    """What became of a question. Times in ms from the end of the caller's speech, to what the ear
    heard behind its jitter buffer; None: it never came."""

    name: str
    kind: Kind
    response_ms: float | None
    """To the first audible sample of the answer: no filler, and nothing that began before the end
    of speech."""
    buffered_ms: float | None
    """What of it the jitter buffer added."""
    first_sound_ms: float | None
    """To whatever was heard first after the end, a filler too."""
    waited_ms: float
    """To when the caller gave up, or spoke again."""
    talked_over: bool
    """The agent was heard before the question had ended."""
    path: AnswerPath | None = None
    lost: str = ""
    """Why its call did not come about, or broke off."""


async def ask(
    questions: Sequence[SpokenQuestion],
    open_call: Callable[[], Awaitable[Access]],
    *,
    random: Random,
    progress: Callable[[str], None],
    tells: bool,
) -> list[AskedQuestion]:
    """Asks all of them, PER_CALL in each call; `open_call` opens a new one. `tells`: the agent
    sends Parley's events. The questions of a call that is lost are unanswered."""
    asked: list[AskedQuestion] = []
    for first in range(0, len(questions), PER_CALL):
        part = questions[first : first + PER_CALL]
        try:
            asked += await _call(part, await open_call(), random=random, tells=tells)
        except CallError as error:
            progress(f"a call was lost: {error}")
            asked += [_lost(question, str(error)) for question in part]
        progress(f"{len(asked)} of {len(questions)} questions asked")
    return asked


async def _call(
    questions: Sequence[SpokenQuestion], access: Access, *, random: Random, tells: bool
) -> list[AskedQuestion]:
    spoken: list[tuple[float, float]] = []
    async with join(access) as client:
        await client.wait_for_agent()
        began_s = client.clock()
        await _pass(client, SETTLE_S)
        for question in questions:
            first = await client.speak(question.audio)
            time_of = client.microphone.time_of
            end_s = time_of(first + len(question.audio.samples))
            spoken.append((time_of(first), end_s))
            await _hear_out(client, end_s)
            await _pass(client, random.uniform(*BETWEEN_S))
        ended_s = client.clock()
    recording = CallRecording.of(client, began_s, ended_s)
    events = [heard.event for heard in client.events if isinstance(heard.event, TurnEvent)]
    floor = FloorLog.of(client.events, unix_offset_s=recording.unix_offset_s) if tells else None
    limits = [*(recording.sample_at(onset_s) for onset_s, _ in spoken[1:]), len(recording.heard)]
    return [
        judged_question(question, recording, floor, events, times, until)
        for question, times, until in zip(questions, spoken, limits, strict=True)
    ]


def _lost(question: SpokenQuestion, why: str) -> AskedQuestion:
    return AskedQuestion(
        name=question.name,
        kind=question.kind,
        response_ms=None,
        buffered_ms=None,
        first_sound_ms=None,
        waited_ms=1000 * ANSWER_TIMEOUT_S,
        talked_over=False,
        lost=why,
    )


async def _hear_out(client: RoomClient, end_s: float) -> None:
    """Waits for an answer to begin, and for its end."""

    def heard() -> bool:
        return not client.ear.quiet_since(end_s)

    def over() -> bool:
        return client.ear.quiet_since(client.clock() - QUIET_S) and client.agent_state in _AT_REST

    await client.reached(heard, timeout_s=ANSWER_TIMEOUT_S)
    await client.reached(over, timeout_s=REPLY_TIMEOUT_S)


async def _pass(client: RoomClient, seconds: float) -> None:
    until_s = client.clock() + seconds
    await client.reached(lambda: client.clock() >= until_s, timeout_s=seconds + 10)


def judged_question(
    question: SpokenQuestion,
    recording: CallRecording,
    floor: FloorLog | None,
    events: Sequence[TurnEvent],
    times_s: tuple[float, float],
    until: int,
) -> AskedQuestion:
    """What the recording of a call has of a question's answer.

    `times_s`: onset and end of the question on the caller's clock; the next one begins at sample
    `until`. `floor` is None for an agent that sends no events.
    """
    onset, end = (recording.sample_at(at_s) for at_s in times_s)
    sounds = measure.sounds(recording.heard[onset:until], SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
    after = [onset + sound.start for sound in sounds if onset + sound.start >= end]
    first = after[0] if after else None
    answer = first
    if floor is not None:
        answer = answer_sample(recording, floor, end=end, until=until)
    return AskedQuestion(
        name=question.name,
        kind=question.kind,
        response_ms=_ms(answer, end),
        buffered_ms=None if answer is None else recording.buffered_ms(answer),
        first_sound_ms=_ms(first, end),
        waited_ms=_ms(until, end) or 0.0,
        talked_over=any(onset + sound.start < end for sound in sounds),
        path=None if answer is None else _path(recording, events, end=end, answer=answer),
    )


def _path(
    recording: CallRecording, events: Sequence[TurnEvent], *, end: int, answer: int
) -> AnswerPath | None:
    """None where the agent did not tell, and for an answer behind a filler: what is told of the
    reply's voice is the filler's."""
    spoken_s, heard_s = (
        recording.start_s + recording.unix_offset_s + sample / SAMPLE_RATE_HZ
        for sample in (end, answer)
    )
    begun_with_filler = {event.turn for event in events if event.filler}
    for event in events:
        if event.at_s is None or not spoken_s <= event.at_s <= heard_s:
            continue
        if event.turn not in begun_with_filler:
            return answer_path(event, spoken_s=spoken_s, heard_s=heard_s)
    return None


def _ms(sample: int | None, since: int) -> float | None:
    return None if sample is None else round(1000 * (sample - since) / SAMPLE_RATE_HZ, 1)
