"""Sentences with a pause in the middle of them, spoken in a room, and what the agent made of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path

import numpy as np

from caller import measure
from caller.answers import answer_sample
from caller.call_recording import CallRecording, unix_offset_s
from caller.client import RoomClient
from caller.conversation import settled
from caller.errors import CallError
from caller.floor_log import FloorLog
from caller.microphone import SAMPLE_RATE_HZ
from caller.recordings import sound_files
from parley.audio import Audio, read_audio
from testkit.told_scripts import SHORT, ToldScripts

INNER_PAUSE_S = 0.08
"""Recorded sentences are parted where their speaker paused at least so long."""
OTHER_PAUSE_S = 0.3
"""What pauses so long elsewhere is left out: an answer might come there."""
LONGEST_S = 8.0
MIDDLE = (0.3, 0.7)
BELOW_SPEECH_DB = 20.0
ANSWER_S = 8.0
"""A person who has not been answered after this says: hello?"""
CALL = 0


@dataclass(frozen=True)
class Halves:
    """A sentence at the microphone's rate, parted at a pause of its speaker's."""

    name: str
    first: Audio
    second: Audio


@dataclass(frozen=True)
class PauseTrial:
    """`pause_s` None: the second half never came. Times in ms; None: it did not happen."""

    name: str
    pause_s: float | None
    talked_over_ms: float
    """For how long the agent was heard from the pause's beginning to the sentence's end."""
    response_ms: float | None
    """From the end of what was said to the first sound of a reply that was begun after it: the
    tail of a reply that talked over the sentence is no answer to it."""
    letters_asked: int
    """Of the words that the model was last asked to answer."""


def parted_sentences(folder: Path) -> Iterator[Halves]:
    """Of the WAV and FLAC files in the folder those whose speaker paused in the middle, and not
    for long elsewhere; none longer than LONGEST_S."""
    for file in sound_files(folder):
        samples = read_audio(file).resampled(SAMPLE_RATE_HZ).samples
        start = measure.speech_start(samples, SAMPLE_RATE_HZ)
        said = Audio(samples[start : measure.speech_end(samples, SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ)
        if said.duration_s > LONGEST_S:
            continue
        for before, after in pairwise(_stretches(said, gap_s=INNER_PAUSE_S)):
            if MIDDLE[0] < before.end / len(said.samples) < MIDDLE[1]:
                first = Audio(said.samples[: before.end], SAMPLE_RATE_HZ)
                second = Audio(said.samples[after.start :], SAMPLE_RATE_HZ)
                if all(len(_stretches(half, gap_s=OTHER_PAUSE_S)) == 1 for half in (first, second)):
                    yield Halves(file.stem, first, second)
                break


def _stretches(said: Audio, *, gap_s: float) -> tuple[measure.Sound, ...]:
    quiet_dbfs = said.level_dbfs - BELOW_SPEECH_DB
    return measure.sounds(said.samples, SAMPLE_RATE_HZ, quiet_dbfs, gap_s=gap_s)


async def speak_with_pause(
    client: RoomClient, model: ToldScripts, halves: Halves, pause_s: float | None
) -> PauseTrial:
    """Speaks both halves with the pause between them, hears the answer out, and judges what was
    heard. Raises CallError where the call breaks off."""
    model.next[CALL] = SHORT[0]
    first = halves.first.samples
    parts = [first]
    if pause_s is not None:
        silence = np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.int16)
        parts += [silence, halves.second.samples]
    said = Audio(np.concatenate(parts), SAMPLE_RATE_HZ)
    began_s = client.microphone.time_of(await client.speak(said))
    ended_s = began_s + said.duration_s
    await client.reached(lambda: client.clock() >= ended_s, timeout_s=ANSWER_S)
    await client.reached(lambda: _answer_told(client, ended_s), timeout_s=ANSWER_S)
    await heard_out(client)
    paused_s = began_s + len(first) / SAMPLE_RATE_HZ
    over = client.ear.between(paused_s, ended_s).samples
    return PauseTrial(
        name=halves.name,
        pause_s=pause_s,
        talked_over_ms=round(
            1000 * measure.audible_s(over, SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS), 1
        ),
        response_ms=_response_ms(client, ended_s),
        letters_asked=_letters_asked(model),
    )


def _answer_told(client: RoomClient, ended_s: float) -> bool:
    """Whether the agent says that it has begun an answer since then."""
    offset_s = unix_offset_s(client.clock)
    answers = FloorLog.of(client.events, unix_offset_s=offset_s).answers or ()
    return any(at_s - offset_s >= ended_s for at_s in answers)


def _response_ms(client: RoomClient, ended_s: float) -> float | None:
    recording = CallRecording.of(client, ended_s, client.clock())
    floor = FloorLog.of(client.events, unix_offset_s=recording.unix_offset_s)
    return response_ms(recording, floor, end=0)


def response_ms(recording: CallRecording, floor: FloorLog, *, end: int) -> float | None:
    """From sample `end` of the recording to the first sound of the answer begun after it."""
    answer = answer_sample(recording, floor, end=end, until=len(recording.heard))
    return None if answer is None else round(1000 * (answer - end) / SAMPLE_RATE_HZ, 1)


def _letters_asked(model: ToldScripts) -> int:
    """Of the person's messages at the end of the last request: a turn can be more than one."""
    if not model.asked:
        return 0
    _, messages = model.asked[-1]
    turn = takewhile(lambda message: message["role"] == "user", reversed(messages))
    return sum(letter.isalnum() for message in turn for letter in message["content"])


async def heard_out(client: RoomClient) -> None:
    """Waits until the agent has come to an end."""
    if not await client.reached(lambda: settled(client), timeout_s=60):
        raise CallError("the agent did not come to an end within 60 s")
