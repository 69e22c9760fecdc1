"""What the agent tells of a decision was stamped before anything was done about it."""

import numpy as np
import pytest
from livekit import rtc

from agent.playout.remembered import SpokenScript
from agent.turns.barge_in import SAMPLE_RATE_HZ, BargeIn, Cut
from agent.turns.floor import Floor, FloorPolicy
from parley.audio import Samples
from tests.workers.speech_sounds import LIGHTS, pcm, speech

FRAME_S = 0.02


class SlowVoice:
    """Falls silent so long after it is told to."""

    heard_text = said_lately = ""

    def __init__(self, takes_s: float) -> None:
        self.now_s = 100.0
        self._takes_s = takes_s

    def take_sounded(self) -> Samples:
        return np.empty(0, np.int16)

    def duck(self) -> None: ...

    def unduck(self) -> None: ...

    def hold(self, by: str) -> None:
        self.now_s += self._takes_s

    def release(self, by: str) -> None: ...


@pytest.mark.parametrize("takes_s", [0.004, 0.03, 0.12, 0.5])
def test_a_decision_is_stamped_before_it_is_carried_out(takes_s: float) -> None:
    voice = SlowVoice(takes_s)
    stamped: dict[Floor, float] = {}
    told: dict[Floor, float] = {}
    cuts: list[Cut] = []

    def on_floor(floor: Floor) -> None:
        stamped[floor], told[floor] = barge_in.decided_s, voice.now_s

    barge_in = BargeIn(
        voice,
        policy=FloorPolicy(),
        on_yield=cuts.append,
        on_floor=on_floor,
        clock=lambda: voice.now_s,
    )
    barge_in.agent_thinks()
    barge_in.agent_speaks()
    data, size = pcm(speech(LIGHTS)), int(FRAME_S * SAMPLE_RATE_HZ)
    for start in range(0, len(data) // 2 - size + 1, size):
        voice.now_s += FRAME_S
        frame = data[2 * start : 2 * (start + size)]
        barge_in.push_audio(rtc.AudioFrame(frame, SAMPLE_RATE_HZ, 1, size))
    barge_in.push_transcript("Please turn off the lights", confidence=0.9)
    assert told[Floor.HELD] - stamped[Floor.HELD] == pytest.approx(takes_s)
    assert stamped[Floor.HELD] == cuts[0].silenced_s
    assert stamped[Floor.HELD] < stamped[Floor.YIELDED]


@pytest.mark.parametrize(
    "fillers", [["One moment, please."], ["Let me see.", "Still looking."], ["Hm."], ["Ah — well,"]]
)
def test_a_reply_that_begins_with_a_filler_answers_once_more_than_that_was_heard(
    fillers: list[str],
) -> None:
    script = SpokenScript()
    for filler in fillers:
        script.add(f" {filler} ", turn_id=None)
    heard = "  ".join(fillers)
    assert script.begins_with_filler
    assert not script.answer_has_begun(heard)
    script.add("It is noon.", turn_id="1")
    assert not script.answer_has_begun(f"{heard} ")
    assert script.answer_has_begun(f"{heard} It")
    plain = SpokenScript()
    plain.add("It is noon.", turn_id="1")
    assert not plain.begins_with_filler
