"""The agent's own voice, come back through a loudspeaker, and a person who speaks over it.

A closed loop: what is done to the agent's voice is heard in its echo one delay later.
"""

import numpy as np
import pytest
from livekit import rtc

from agent.turns.barge_in import SAMPLE_RATE_HZ, BargeIn, Cut
from agent.turns.floor import Floor, FloorPolicy
from parley.audio import level_dbfs
from tests.workers.speech_sounds import LIGHTS, WEATHER, silence, speech

FRAME_S = 0.02
FRAME = int(FRAME_S * SAMPLE_RATE_HZ)
DUCKED_GAIN = 0.2
REPLY = (
    "Once upon a time there was a miller who had three sons, and when he died he left them his "
    "mill, his donkey, and his cat."
)
PERSON_GAIN = 0.7

Sound = np.ndarray[tuple[int], np.dtype[np.float32]]


class Room:
    """The agent says its reply again and again; the room gives it back `return_db` lower."""

    def __init__(self, *, return_db: float, delay_s: float) -> None:
        self.now_s = 0.0
        self.gain = 1.0
        self.position = 0
        self.cuts: list[Cut] = []
        self.floors: list[tuple[float, Floor]] = []
        self._reply = np.tile(np.concatenate([speech(REPLY), silence(0.4)]), 20)
        self._line = [np.zeros(FRAME, np.float32)] * round(delay_s / FRAME_S)
        self._return = 10 ** (return_db / 20)
        self._last = np.zeros(FRAME, np.float32)
        self.barge_in = BargeIn(
            self,
            policy=FloorPolicy(),
            on_yield=self._cut,
            on_floor=lambda floor: self.floors.append((self.now_s, floor)),
            clock=lambda: self.now_s,
        )
        self.barge_in.agent_speaks()

    # the agent's voice, as `Playout` has it

    @property
    def level_dbfs(self) -> float:
        return level_dbfs((self._last * 32767).astype(np.int16))

    @property
    def heard_text(self) -> str:
        return REPLY

    def duck(self) -> None:
        self.gain = DUCKED_GAIN

    def unduck(self) -> None:
        self.gain = 1.0

    def hold(self, by: str) -> None:
        self.gain = 0.0

    def release(self, by: str) -> None:
        self.gain = 1.0

    # the room

    def _cut(self, cut: Cut) -> None:
        self.cuts.append(cut)
        self.barge_in.agent_stops()
        self.barge_in.agent_speaks()  # the next reply, at once
        self.gain = 1.0

    def passes(self, person: Sound) -> None:
        """The time that the person's sound takes, silence or speech."""
        for start in range(0, len(person) - FRAME + 1, FRAME):
            if self.gain:
                self._last = self.gain * self._reply[self.position : self.position + FRAME]
                self.position += FRAME
            else:
                self._last = np.zeros(FRAME, np.float32)
            self._line.append(self._last)
            heard = person[start : start + FRAME] + self._return * self._line.pop(0)
            data = (np.clip(heard, -1, 1) * 32767).astype("<i2").tobytes()
            self.now_s += FRAME_S
            self.barge_in.push_audio(rtc.AudioFrame(data, SAMPLE_RATE_HZ, 1, FRAME))
            self.barge_in.time_passes()

    def stops_since(self, since_s: float) -> int:
        """How often the agent fell silent."""
        silent = (Floor.HELD, Floor.YIELDED)
        return sum(floor in silent for at_s, floor in self.floors if at_s >= since_s)


LEVELS = pytest.mark.parametrize("return_db", [-60.0, -40.0, -25.0, -12.0])
DELAYS = pytest.mark.parametrize("delay_s", [0.06, 0.16, 0.4])


@LEVELS
@DELAYS
def test_the_agents_own_voice_never_takes_the_floor_and_soon_does_not_stop_it(
    return_db: float, delay_s: float
) -> None:
    room = Room(return_db=return_db, delay_s=delay_s)
    room.passes(silence(15.0))
    learned_s = room.now_s
    room.passes(silence(15.0))
    assert not room.cuts
    assert room.stops_since(learned_s) == 0


@LEVELS
@DELAYS
def test_a_person_over_an_echo_is_heard(return_db: float, delay_s: float) -> None:
    room = Room(return_db=return_db, delay_s=delay_s)
    room.passes(silence(15.0))
    began_s = room.now_s
    for text in (LIGHTS, WEATHER):
        room.passes(PERSON_GAIN * speech(text))
    assert room.stops_since(began_s) > 0


def test_what_was_mistaken_for_an_echo_is_unlearned_while_the_person_speaks() -> None:
    room = Room(return_db=-60.0, delay_s=0.06)
    for _ in range(2):
        room.barge_in._echo.went_with_the_voice(0.0)
    assert room.barge_in._echo.return_db == 0.0
    room.passes(silence(3.0))
    began_s = room.now_s
    for text in (LIGHTS, WEATHER):
        room.passes(PERSON_GAIN * speech(text))
    assert room.stops_since(began_s) > 0
