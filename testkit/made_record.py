"""The record of a call that was never held, written as a call writes it: for what reads records."""

import time
from pathlib import Path

import numpy as np

from agent.record.files import RecordFiles
from caller.recordings import SPEECH
from parley.app.session import AgentSaid, AnyEntry, Heard, PersonSaid, ToolCalled
from parley.audio import Samples, read_audio
from parley.records.lines import (
    AUDIO_RATE_HZ,
    AnyLine,
    AudioBegan,
    CallBegan,
    CallEnded,
    CallObjectives,
    CutShort,
    ErrorTold,
    FloorChanged,
    PersonCame,
    ResponseBegan,
    StageTimes,
    ToolRan,
    WorkerTook,
)
from parley.records.store import new_id
from parley.room_events import FloorName, TurnStages

LENGTH_S = 34.0
CUT_MADE = (
    "Bicycles are older than cars, and people laughed at them at first, but not for very long. "
    "By the eighties every town had a club."
)
CUT_HEARD = "Bicycles are older than cars, and people laughed at them"
_PERSON = ((4.0, 5.9), (13.4, 15.2), (19.15, 21.9), (26.2, 28.6))
_AGENT = ((0.8, 3.1), (6.46, 7.6), (8.3, 11.6), (15.72, 19.6), (23.2, 25.2), (29.1, 32.4))


def make_record(folder: Path, *, began_at_s: float | None = None, session: str = "s-made") -> str:
    """A call of five turns in `folder`: one with a tool, one cut short, one late. Its id."""
    zero_s = time.time() if began_at_s is None else began_at_s
    record_id = new_id(zero_s)
    files = RecordFiles(folder / record_id, audio=True, on_stopped=_unexpected)
    for line in sorted(_lines(record_id, zero_s, session), key=lambda line: line.at_s):
        files.line(line.model_dump_json())
    sound = np.stack(
        [_lane(_PERSON, "1998-15444-0001.flac"), _lane(_AGENT, "2033-164914-0003.flac")], axis=1
    )
    for first in range(0, len(sound), AUDIO_RATE_HZ // 2):
        files.audio(sound[first : first + AUDIO_RATE_HZ // 2])
    files.close()
    return record_id


def _unexpected(why: str) -> None:
    raise OSError(why)


def _lane(stretches: tuple[tuple[float, float], ...], clip: str) -> Samples:
    """Speech there, and silence between."""
    lane = np.zeros(round(LENGTH_S * AUDIO_RATE_HZ), np.int16)
    speech = read_audio(SPEECH / clip).resampled(AUDIO_RATE_HZ).samples
    for index, (from_s, to_s) in enumerate(stretches):
        first, count = round(from_s * AUDIO_RATE_HZ), round((to_s - from_s) * AUDIO_RATE_HZ)
        lane[first : first + count] = np.roll(speech, -index * AUDIO_RATE_HZ)[:count]
    return lane


def _lines(record_id: str, zero_s: float, session: str) -> list[AnyLine]:
    began = CallBegan(
        at_s=zero_s - 0.2,
        id=record_id,
        session=session,
        room="parley-made",
        user="caller-1",
        agent="desk",
        language="en",
        voice="piper-en-us-joe-medium",
        model="qwen2.5-1.5b-instruct",
        recognizer="whisper",
        objectives=CallObjectives(response_ms=650, first_audio_ms=500, onset_to_silence_ms=300),
    )
    return [
        began,
        AudioBegan(at_s=zero_s),
        PersonCame(at_s=zero_s, user="caller-1", name="Ann"),
        WorkerTook(
            at_s=zero_s + 0.5, worker="tts-1", voice="piper-en-us-joe-medium", engine="piper"
        ),
        *_words(zero_s),
        *(_response(zero_s, *each) for each in _RESPONSES),
        ToolRan(at_s=zero_s + 8.0, call_id="c", name="order_status", outcome="done", took_s=1.72),
        CutShort(at_s=zero_s + 19.6, onset_at_s=zero_s + 19.15, decided_at_s=zero_s + 19.33),
        ErrorTold(at_s=zero_s + 22.4, code="llm_slow", message="The model is slow right now."),
        *(FloorChanged(at_s=zero_s + at_s, floor=floor) for at_s, floor in _FLOORS),
        CallEnded(at_s=zero_s + LENGTH_S),
    ]


_FLOORS: tuple[tuple[float, FloorName], ...] = (
    (0.8, "speaking"),
    (3.1, "quiet"),
    (6.2, "thinking"),
    (6.46, "speaking"),
    (9.9, "ducked"),
    (10.2, "held"),
    (10.7, "speaking"),
    (11.6, "quiet"),
    (15.72, "speaking"),
    (19.2, "ducked"),
    (19.3, "held"),
    (19.6, "yielded"),
    (21.9, "quiet"),
    (23.2, "speaking"),
    (25.2, "quiet"),
)

# Turn, the person's speech, transcript, end of turn, asked, first token, voice asked and began,
# first sound.
_RESPONSES = (
    ("t1", 4.0, 5.9, 6.06, 6.2, 6.02, 6.24, 6.3, 6.4, 6.46),
    ("t2", 13.4, 15.2, 15.34, 15.5, 15.3, 15.52, 15.58, 15.69, 15.72),
    ("t3", 19.15, 21.9, 22.1, 22.32, 22.06, 22.92, 22.98, 23.16, 23.2),
    ("t4", 26.2, 28.6, 28.72, 28.9, 28.7, 28.93, 28.96, 29.06, 29.1),
)


def _words(zero_s: float) -> list[AnyEntry]:
    talk: tuple[tuple[str, float, str, str, str], ...] = (
        ("t0", 0.8, "", "Hello, this is the bicycle shop. How can I help?", ""),
        (
            "t1",
            6.2,
            "Where is my order, number forty-two?",
            "It was sent on Tuesday, and should be with you tomorrow before noon.",
            "",
        ),
        ("t2", 15.5, "Tell me something about bicycles.", CUT_MADE, CUT_HEARD),
        (
            "t3",
            22.32,
            "Wait, can I still change the color of mine?",
            "I am afraid it has left already.",
            "",
        ),
        ("t4", 28.9, "All right. Thank you very much!", "You are welcome. Good-bye!", ""),
    )
    entries: list[AnyEntry] = []
    for turn_id, at_s, person, made, heard in talk:
        if person:
            entries.append(PersonSaid(at_s=zero_s + at_s, turn_id=turn_id, text=person))
        entries.append(AgentSaid(at_s=zero_s + at_s + 0.6, turn_id=turn_id, text=made))
        entries.append(
            Heard(
                at_s=zero_s + at_s + 3.4,
                turn_id=turn_id,
                text=heard or made,
                interrupted=bool(heard),
            )
        )
    called = ToolCalled(
        at_s=zero_s + 8.0,
        turn_id="t1",
        call_id="c",
        name="order_status",
        arguments={"number": "42"},
        outcome="done",
        result="sent on Tuesday",
    )
    return [*entries, called]


def _response(zero_s: float, turn_id: str, *at: float) -> ResponseBegan:
    spoke_from, silent, transcript, ended, asked, token, voice_asked, voice_began, sounded = at
    return ResponseBegan(
        at_s=zero_s + sounded,
        turn_id=turn_id,
        stages=TurnStages(
            endpointing_ms=round(1000 * (ended - silent), 1),
            asr_ms=round(1000 * (transcript - silent), 1),
            llm_first_token_ms=round(1000 * (token - asked), 1),
            tts_first_audio_ms=round(1000 * (voice_began - voice_asked), 1),
            total_ms=round(1000 * (sounded - silent), 1),
        ),
        marks=StageTimes(
            spoke_from_s=zero_s + spoke_from,
            speech_ended_s=zero_s + silent,
            text_s=zero_s + transcript,
            turn_ended_s=zero_s + ended,
            begun_s=zero_s + asked,
            first_token_s=zero_s + token,
            tts_asked_s=zero_s + voice_asked,
            first_audio_s=zero_s + voice_began,
            sounded_s=zero_s + sounded,
        ),
    )
