"""What an answer waited for: stages that sum to the whole, and answers that never came."""

import io
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from random import Random

import aiohttp
import numpy as np
import pytest
import soundfile
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench import response
from bench.arguments import settings_of
from bench.peers.running import PEERS
from bench.peers.speech_server import SAMPLE_RATE_HZ, SpeechApi
from bench.response import promises_of
from bench.response_calls import AskedQuestion, ask, judged_question
from bench.response_path import AnswerPath, answer_path, summary
from bench.response_plot import draw
from bench.response_questions import QUESTIONS, SpokenQuestion, recorded
from caller.access import Access
from caller.call_recording import SAMPLE_RATE_HZ as RECORDED_HZ
from caller.call_recording import CallRecording
from caller.errors import CallError
from caller.floor_log import FloorLog
from caller.recordings import SPEECH
from parley.audio import Audio
from parley.discovery import StaticDiscovery
from parley.errors import ConfigurationError
from parley.room_events import FloorEvent, TurnEvent, TurnMoments, TurnStages
from parley.speech import RecognitionPool, SpeechPool
from testkit.fake_recognizer import FakeRecognizer, recognizing
from testkit.fake_workers import SpeechWorker, serving

MOMENTS = TurnMoments(
    speech_ended_s=100.06,
    pause_noticed_s=100.13,
    text_s=100.19,
    begun_s=100.2,
    first_token_s=100.3,
    first_clause_s=100.36,
    tts_asked_s=100.36,
    first_audio_s=100.41,
    turn_ended_s=100.38,
)


def told(*, in_track_s: float = 100.43, **moments: float | None) -> TurnEvent:
    changed = MOMENTS.model_copy(update=moments)
    return TurnEvent(turn=1, stages=TurnStages(), at_s=in_track_s, moments=changed)


def path_of(event: TurnEvent, *, heard_s: float = 100.5) -> AnswerPath:
    path = answer_path(event, spoken_s=100.0, heard_s=heard_s)
    assert path is not None
    return path


@pytest.mark.parametrize(
    ("event", "last"),
    [
        (told(), "answer"),
        (told(turn_ended_s=100.42), "turn"),
        (told(begun_s=99.0, first_token_s=99.5, first_audio_s=99.9), "turn"),
        (told(pause_noticed_s=None, first_token_s=None), "answer"),
        (told(in_track_s=101.0), "answer"),
    ],
)
def test_stages_sum_to_the_whole_whatever_came_last(event: TurnEvent, last: str) -> None:
    path = path_of(event)
    assert path.path == last
    assert sum(path.stages_ms.values()) == pytest.approx(500.0)
    assert min(path.stages_ms.values()) >= 0


def test_what_was_done_while_the_person_spoke_takes_no_time() -> None:
    guessed = told(begun_s=99.1, first_token_s=99.4, first_clause_s=99.5, tts_asked_s=99.5)
    path = path_of(guessed.model_copy(update={"moments": guessed.moments}))
    assert path.stages_ms["reply begun"] == path.stages_ms["first token"] == 0
    assert path.moments_ms["reply begun"] == pytest.approx(-900)
    assert path.stages_ms["first audio"] == pytest.approx(220), "since the text had come"


def test_an_agent_that_tells_nothing_has_no_path() -> None:
    silent = TurnEvent(turn=1, stages=TurnStages(), at_s=100.4)
    assert answer_path(silent, spoken_s=100.0, heard_s=100.5) is None


def test_means_of_the_stages_sum_to_the_mean_response() -> None:
    found = summary([path_of(told()), path_of(told(turn_ended_s=100.6), heard_s=100.9)])
    assert sum(found.mean_ms.values()) == pytest.approx(700.0)
    assert found.turn_last_share == 0.5


def asked(response_ms: float | None, *, waited_ms: float = 12_000.0) -> AskedQuestion:
    return AskedQuestion(
        name="q",
        kind="recorded",
        response_ms=response_ms,
        buffered_ms=30.0,
        first_sound_ms=response_ms,
        waited_ms=waited_ms,
        talked_over=False,
    )


def test_an_answer_that_never_came_counts_as_the_longest_wait() -> None:
    quick = [asked(400.0)] * 18
    assert all(promise.kept for promise in promises_of(quick))
    median, p95 = promises_of([*quick, asked(None), asked(None)])
    assert median.kept
    assert p95.measured == 12_000.0
    assert not p95.kept


def recording(*heard: tuple[float, float]) -> CallRecording:
    """Ten seconds in which something is heard from … to; they begin at 1000 s since 1970."""
    ear = np.zeros(10 * RECORDED_HZ, np.int16)
    for start_s, end_s in heard:
        ear[round(start_s * RECORDED_HZ) : round(end_s * RECORDED_HZ)] = 4000
    return CallRecording(spoken=np.zeros_like(ear), heard=ear, start_s=0.0, unix_offset_s=1000.0)


QUESTION = SpokenQuestion("q", "synthetic", Audio(np.zeros(1, np.int16), RECORDED_HZ))
ANSWER = TurnEvent(
    turn=1, stages=TurnStages(), at_s=1003.4, moments=TurnMoments(turn_ended_s=1003.3)
)
FILLER = TurnEvent(turn=1, stages=TurnStages(), at_s=1003.4, filler=True)


def judged(of: CallRecording, *events: TurnEvent, tells: bool = True) -> AskedQuestion:
    """A question from 1 to 3 s."""
    floors = tuple(FloorEvent(floor="speaking", at_s=event.at_s or 0.0) for event in events[:1])
    answers = tuple(event.at_s or 0.0 for event in events if not event.filler)
    log = FloorLog(floors=floors, answers=answers) if tells else None
    until = len(of.heard)
    return judged_question(QUESTION, of, log, events, (1.0, 3.0), until)


def test_an_answer_is_timed_from_the_end_of_speech_to_its_first_sound() -> None:
    found = judged(recording((3.5, 5.0)), ANSWER)
    assert found.response_ms == pytest.approx(500, abs=1)
    assert found.first_sound_ms == found.response_ms
    assert found.path is not None
    assert sum(found.path.stages_ms.values()) == pytest.approx(500, abs=1)
    assert not found.talked_over


def test_a_filler_is_no_answer() -> None:
    later = ANSWER.model_copy(update={"at_s": 1005.9})
    found = judged(recording((3.5, 4.0), (6.0, 7.0)), FILLER, later)
    assert found.first_sound_ms == pytest.approx(500, abs=1)
    assert found.response_ms == pytest.approx(3000, abs=1)
    assert found.path is None, "what is told of the voice is the filler's"


def test_talking_over_the_question_is_no_quick_answer() -> None:
    found = judged(recording((2.5, 4.0)), tells=False)
    assert found.talked_over
    assert found.response_ms is None
    answered = judged(recording((2.5, 4.0), (5.0, 6.0)), tells=False)
    assert answered.response_ms == pytest.approx(2000, abs=1)


async def test_the_questions_of_a_lost_call_are_unanswered() -> None:
    async def no_call() -> Access:
        raise CallError("the peer is gone")

    told: list[str] = []
    asked = await ask([QUESTION] * 7, no_call, random=Random(1), progress=told.append, tells=False)
    assert [each.lost for each in asked] == ["the peer is gone"] * 7
    assert all(each.response_ms is None and each.waited_ms > 0 for each in asked)
    assert len(told) == 4, "two calls"


def test_questions_are_recorded_and_end_where_their_speech_does(tmp_path: Path) -> None:
    questions = recorded(SPEECH, 20)
    assert len(questions) == 20
    assert len({question.name for question in questions}) > 10
    assert len(set(QUESTIONS)) == 30
    with pytest.raises(ConfigurationError, match="--clips"):
        recorded(tmp_path, 1)


def test_settings_to_be_tried_are_named_with_their_file() -> None:
    changed = settings_of(["orchestrator.turn.end_of_turn=judged", "worker.asr.threads=1"])
    assert changed == {
        "orchestrator": {"turn": {"end_of_turn": "judged"}},
        "worker": {"asr": {"threads": 1}},
    }
    with pytest.raises(ConfigurationError, match=r"FILE\.SECTION\.KEY"):
        settings_of(["turn.end_of_turn=judged"])


def test_a_wrong_setting_is_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert response.main(["--set", "turn=1"]) == 2
    assert "FILE.SECTION.KEY" in capsys.readouterr().err


def test_the_critical_path_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "response.svg"
    draw({"recorded": summary([path_of(told())])}, {"another 1.0": 900.0}, file)
    assert "<svg" in file.read_text("utf-8")


def test_the_report_counts_what_it_was_asked() -> None:
    found = response.Answered("parley", "1", (asked(400.0), replace(asked(None), name="r")))
    options = response._parser().parse_args(["--json"])
    document = response._document([found], promises_of(found.asked), 3.0, Path("p.svg"), options)
    json.dumps(document)
    assert document["agents"][0]["figures"]["all"]["unanswered"] == 1


def test_peers_are_pinned_with_their_sums() -> None:
    for peer in PEERS:
        assert peer.version[0].isdigit()
        assert "--hash=sha256:" in peer.environment.lock.read_text("utf-8")
        compile(peer.script.read_text("utf-8"), peer.script.name, "exec")


@pytest.fixture
async def speech_url() -> AsyncGenerator[str]:
    """The peers' server, over workers on the wire."""
    async with (
        serving(SpeechWorker()) as tts,
        recognizing(FakeRecognizer("Is anybody there?")) as asr,
        SpeechPool(StaticDiscovery(tts)) as speaking,
        RecognitionPool(StaticDiscovery(asr)) as hearing,
    ):
        app = web.Application()
        SpeechApi(speaking, hearing, voice="tone").add_to(app)
        async with TestServer(app) as server:
            yield str(server.make_url("/v1"))


async def test_peers_hear_and_speak_through_the_same_workers(speech_url: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(16_000, np.int16), 16_000, format="WAV")
    async with aiohttp.ClientSession() as session:
        form = aiohttp.FormData({"model": "whisper-1"})
        form.add_field("file", file.getvalue(), filename="said.wav", content_type="audio/wav")
        async with session.post(f"{speech_url}/audio/transcriptions", data=form) as answer:
            assert await answer.json() == {"text": "Is anybody there?"}
        wish = {"input": "two words", "voice": "alloy", "response_format": "pcm"}
        async with session.post(f"{speech_url}/audio/speech", json=wish) as answer:
            assert answer.content_type == "audio/pcm"
            assert len(await answer.read()) >= 2 * 0.2 * SAMPLE_RATE_HZ
