"""A recording of barge-in on real speech gives the same decisions again."""

import json
from pathlib import Path

import numpy as np
import pytest
from livekit import rtc

from agent.turns.barge_in import SAMPLE_RATE_HZ, Cut
from agent.turns.floor import Floor, FloorPolicy
from agent.turns.recording import RecordedBargeIn, RecordingError, fingerprint, replay
from cli import replay as command
from parley.audio import Samples
from parley.room_events import TURN_RECORDING_FILE
from tests.workers.speech_sounds import LIGHTS, pcm, silence, speech

FRAME_S = 0.02


class AgentVoice:
    """Speaks without end, as loud as it is told to be."""

    heard_text = "Once upon a time there was a miller."
    said_lately = heard_text

    def __init__(self) -> None:
        self.done: list[str] = []
        self._random = np.random.default_rng(1)

    def take_sounded(self) -> Samples:
        noise = self._random.normal(0, 3000, round(FRAME_S * SAMPLE_RATE_HZ))
        return noise.astype(np.int16)

    def duck(self) -> None:
        self.done.append("duck")

    def unduck(self) -> None:
        self.done.append("unduck")

    def hold(self, by: str) -> None:
        self.done.append("pause")

    def release(self, by: str) -> None:
        self.done.append("resume")


class Call:
    """A call whose clock is turned by the frames that are heard."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.lines: list[str] = []
        self.floors: list[Floor] = []
        self.cuts: list[Cut] = []
        self.voice = AgentVoice()
        self.barge_in = RecordedBargeIn(
            self.voice,
            policy=FloorPolicy(),
            write=self.lines.append,
            on_yield=self.cuts.append,
            on_floor=self.floors.append,
            clock=lambda: self.now_s,
        )

    def hears(self, samples: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> None:
        data, size = pcm(samples), int(FRAME_S * SAMPLE_RATE_HZ)
        for start in range(0, len(data) // 2 - size + 1, size):
            self.now_s += FRAME_S
            frame = data[2 * start : 2 * (start + size)]
            self.barge_in.push_audio(rtc.AudioFrame(frame, SAMPLE_RATE_HZ, 1, size))


def interrupted_call() -> Call:
    call = Call()
    call.barge_in.agent_thinks()
    call.barge_in.agent_speaks()
    call.hears(silence(0.5))
    call.hears(speech(LIGHTS))
    call.barge_in.push_transcript("Please turn off", confidence=0.8)
    call.barge_in.agent_stops()
    return call


def test_speech_over_the_agent_silences_it_and_yields() -> None:
    call = interrupted_call()
    assert call.voice.done[0] == "pause"  # there is breath before this voice: no need to duck
    assert call.floors == [
        Floor.THINKING,
        Floor.SPEAKING,
        Floor.HELD,
        Floor.YIELDED,
        Floor.QUIET,
    ]
    (cut,) = call.cuts
    assert cut.onset_s is not None
    assert 100.4 < cut.onset_s < cut.silenced_s < cut.onset_s + 0.2


def test_a_murmur_while_the_agent_speaks_is_no_turn_and_the_agent_goes_on() -> None:
    call = Call()
    call.barge_in.agent_speaks()
    call.hears(speech("Okay."))
    call.hears(silence(0.4))
    assert not call.barge_in.push_transcript("Okay.", confidence=0.5)
    assert call.voice.done[-1] == "resume"
    assert not call.cuts


def test_speech_while_the_agent_thinks_holds_its_answer_back() -> None:
    call = Call()
    call.barge_in.agent_thinks()
    call.hears(speech(LIGHTS))
    call.barge_in.push_transcript("Please turn off the lights.", confidence=0.8)
    assert call.voice.done[0] == "pause"  # nothing sounds that could be ducked
    assert len(call.cuts) == 1


def test_a_recording_gives_the_same_decisions_again() -> None:
    call = interrupted_call()
    recorded, again = replay(call.lines)
    assert [turned.floor for turned in again] == [floor.value for floor in call.floors]
    assert fingerprint(recorded) == fingerprint(again)


def test_replay_says_where_decisions_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = interrupted_call()
    file = tmp_path / TURN_RECORDING_FILE
    file.write_text("\n".join(call.lines))
    assert command.main([str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True
    file.write_text("\n".join(line for line in call.lines if '"held"' not in line))
    assert command.main([str(tmp_path)]) == 1
    assert "decision 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ('{"kind":"time_passes","at_s":1}', "no opening"),
        ('{"kind":"opening","policy":{},"format":1}', "line 1"),
        ("not json", "line 1"),
    ],
)
def test_what_is_no_recording_is_said_to_be_none(
    text: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / TURN_RECORDING_FILE).write_text(text)
    assert command.main([str(tmp_path)]) == 2
    assert problem in capsys.readouterr().err


def test_a_folder_without_a_recording_is_said_to_have_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path)]) == 2
    assert TURN_RECORDING_FILE in capsys.readouterr().err
    with pytest.raises(RecordingError):
        replay([])


def test_an_agent_that_takes_over_judges_by_its_own_rules_also_in_a_replay() -> None:
    call = Call()
    quick = FloorPolicy(yield_after_s=0.9)
    slow = FloorPolicy(duck_after_s=60.0, hold_after_s=60.0, yield_after_s=60.0)
    for policy, yields in ((quick, 1), (slow, 1), (quick, 2)):
        call.barge_in.judge_by(policy, call.barge_in.turns.words)
        call.barge_in.agent_stops()
        call.hears(silence(2.0))
        call.barge_in.agent_speaks()
        call.hears(speech(LIGHTS))
        assert call.floors.count(Floor.YIELDED) == yields
    recorded, again = replay(call.lines)
    assert fingerprint(recorded) == fingerprint(again)
