"""The agent's own voice, come back through a loudspeaker, and a person who speaks over it.

A closed loop: what is done to the agent's voice is heard in its echo one delay later.
"""

import numpy as np
import pytest
from livekit import rtc

from agent.turns.barge_in import SAMPLE_RATE_HZ, BargeIn, Cut
from agent.turns.floor import Floor, FloorPolicy
from caller.measure import speech_start
from caller.recordings import SPEECH
from parley.audio import Samples, read_audio
from tests.workers.speech_sounds import LIGHTS, WEATHER, silence, speech

FRAME_S = 0.02
FRAME = int(FRAME_S * SAMPLE_RATE_HZ)
DUCKED_GAIN = 0.2
REPLY = (
    "Once upon a time there was a miller who had three sons, and when he died he left them his "
    "mill, his donkey, and his cat."
)
PERSON_GAIN = 0.7
NOISE_GAIN = 0.0005
KEPT = 3 * SAMPLE_RATE_HZ

Sound = np.ndarray[tuple[int], np.dtype[np.float32]]


class Room:
    """The agent says its reply again and again; the room gives it back `return_db` lower."""

    def __init__(self, *, return_db: float, delay_s: float, reverberant: bool = False) -> None:
        self.now_s = 0.0
        self.gain = 1.0
        self.position = 0
        self.cuts: list[Cut] = []
        self.floors: list[tuple[float, Floor]] = []
        self.recognizable: list[Samples] = []
        self._reply = np.tile(np.concatenate([speech(REPLY), silence(0.4)]), 20)
        self._said: Sound = np.zeros(KEPT, np.float32)
        self._delay = round(delay_s * SAMPLE_RATE_HZ)
        self._response = _reverberation() if reverberant else np.ones(1, np.float32)
        self._return = 10 ** (return_db / 20)
        self._sounded = np.empty(0, np.int16)
        self._random = np.random.default_rng(1)
        self._waiting: list[bytes] = []
        self.is_busy = False
        """Whether frames of the microphone wait in the queue of a process that is busy."""
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
    def heard_text(self) -> str:
        return REPLY

    @property
    def said_lately(self) -> str:
        return REPLY

    def take_sounded(self) -> Samples:
        sounded, self._sounded = self._sounded, np.empty(0, np.int16)
        return sounded

    def duck(self) -> None:
        self.gain = DUCKED_GAIN

    def unduck(self) -> None:
        self.gain = 1.0

    def hold(self, by: str) -> None:
        self.gain = 0.0

    def release(self, by: str) -> None:
        self.gain = 1.0

    # the room

    def stops(self) -> None:
        """The reply has come to its end."""
        self.barge_in.agent_stops()
        self.gain = 0.0

    def speaks(self) -> None:
        """The next reply begins to sound."""
        self.barge_in.agent_speaks()
        self.gain = 1.0

    def _cut(self, cut: Cut) -> None:
        self.cuts.append(cut)
        self.barge_in.agent_stops()
        self.speaks()

    def passes(self, person: Sound) -> None:
        """The time that the person's sound takes, silence or speech."""
        for start in range(0, len(person) - FRAME + 1, FRAME):
            spoken = np.zeros(FRAME, np.float32)
            if self.gain:
                spoken = self.gain * self._reply[self.position : self.position + FRAME]
                self.position += FRAME
            self._said = np.concatenate([self._said[-KEPT:], spoken])
            self._sounded = np.concatenate([self._sounded, (spoken * 32767).astype(np.int16)])
            heard = person[start : start + FRAME] + self._return * self._echo()
            heard = heard + self._random.normal(0, NOISE_GAIN, FRAME)
            self._waiting.append((np.clip(heard, -1, 1) * 32767).astype("<i2").tobytes())
            self.now_s += FRAME_S
            if not self.is_busy:
                self._looks()
                self.barge_in.time_passes()

    def _looks(self) -> None:
        """At all frames that have come."""
        for data in self._waiting:
            frame = self.barge_in.push_audio(rtc.AudioFrame(data, SAMPLE_RATE_HZ, 1, FRAME))
            self.recognizable.append(np.frombuffer(frame.data, np.int16))
        self._waiting.clear()

    def is_moved(self, delay_s: float) -> None:
        """From now on the echo comes so long after."""
        self._delay = round(delay_s * SAMPLE_RATE_HZ)

    def says(self, text: str, *, gain: float) -> None:
        """A person speaks, and recognition makes of what gets to it what it can, half a second
        after the half of it and after the whole."""
        sound = gain * speech(text)
        half = len(sound) // 2 + SAMPLE_RATE_HZ // 2
        words = text.split()
        self.passes(sound[:half])
        self.hears(" ".join(words[: len(words) // 2]))
        self.passes(np.concatenate([sound[half:], silence(0.5)]))
        self.hears(text)

    def _echo(self) -> Sound:
        """Of what was said, the frame that comes back now."""
        end = len(self._said) - self._delay
        before = self._said[max(0, end - FRAME - len(self._response) + 1) : end]
        return np.convolve(before, self._response)[len(before) - FRAME : len(before)]

    def stops_since(self, since_s: float) -> int:
        """How often the agent fell silent."""
        silent = (Floor.HELD, Floor.YIELDED)
        return sum(floor in silent for at_s, floor in self.floors if at_s >= since_s)

    def hears(self, text: str) -> bool:
        """Whether what recognition has made is a turn."""
        return self.barge_in.push_transcript(text)


def _reverberation() -> Sound:
    """As much of it as direct sound; 60 dB less after 0.3 s."""
    count = round(0.25 * SAMPLE_RATE_HZ)
    tail = np.random.default_rng(2).normal(0, 1, count)
    tail *= 10 ** (-3 * np.arange(count) / SAMPLE_RATE_HZ / 0.3)
    tail /= np.sqrt(tail @ tail)
    tail[0] += 1.0
    return np.asarray(tail / np.sqrt(2), np.float32)


LEVELS = pytest.mark.parametrize("return_db", [-36.0, -18.0, -6.0])
DELAYS = pytest.mark.parametrize("delay_s", [0.05, 0.3, 0.6])
ROOMS = pytest.mark.parametrize("reverberant", [False, True], ids=["plain", "reverberant"])


@LEVELS
@DELAYS
@ROOMS
def test_the_agents_own_voice_never_stops_it_from_its_first_word_on(
    return_db: float, delay_s: float, reverberant: bool
) -> None:
    room = Room(return_db=return_db, delay_s=delay_s, reverberant=reverberant)
    room.passes(silence(10.0))
    assert room.stops_since(0.0) == 0


@LEVELS
@pytest.mark.parametrize("busy_s", [0.2, 0.4, 1.2])
def test_a_process_that_was_busy_takes_its_own_voice_for_nobody_elses(
    return_db: float, busy_s: float
) -> None:
    room = Room(return_db=return_db, delay_s=0.15)
    room.passes(silence(2.0))
    for _ in range(4):
        room.is_busy = True
        room.passes(silence(busy_s))
        room.is_busy = False
        room.passes(silence(1.1))
    assert room.stops_since(0.0) == 0


@LEVELS
def test_an_echo_that_comes_late_because_of_a_slow_line_is_one(return_db: float) -> None:
    room = Room(return_db=return_db, delay_s=1.6)
    room.passes(silence(8.0))
    assert room.stops_since(0.0) == 0


@LEVELS
@pytest.mark.parametrize("moved_s", [0.25, 0.55, 1.2])
def test_an_echo_that_a_jitter_buffer_moves_is_neither_a_voice_nor_words(
    return_db: float, moved_s: float
) -> None:
    room = Room(return_db=return_db, delay_s=0.4)
    room.passes(silence(3.0))
    for _ in range(5):
        for delay_s in (moved_s, 0.4):
            room.is_moved(delay_s)
            room.passes(silence(0.9))
    assert not room.hears("This key gat ended")
    assert not room.cuts


@LEVELS
def test_an_echo_that_has_moved_while_nothing_sounded_is_known_again(return_db: float) -> None:
    room = Room(return_db=return_db, delay_s=0.9)
    room.passes(silence(4.0))
    room.stops()
    room.passes(silence(3.0))
    room.is_moved(0.2)
    room.speaks()
    room.passes(silence(3.0))
    assert not room.hears("Hi, this is the button.")
    assert not room.cuts


def test_the_agents_words_over_its_voice_are_its_own_though_its_echo_was_lost_for_a_while() -> None:
    room = Room(return_db=-12.0, delay_s=0.3)
    room.passes(silence(3.0))
    room.is_moved(2.9)  # later than an echo is looked for
    room.passes(silence(1.5))
    assert not room.hears("there was a miller who had")
    assert not room.cuts


@LEVELS
@DELAYS
@ROOMS
def test_a_person_over_an_echo_takes_the_floor(
    return_db: float, delay_s: float, reverberant: bool
) -> None:
    room = Room(return_db=return_db, delay_s=delay_s, reverberant=reverberant)
    room.passes(silence(8.0))
    for text in (LIGHTS, WEATHER):
        room.says(text, gain=PERSON_GAIN)
    assert room.cuts


@pytest.mark.parametrize("position_s", [0.2, 0.6, 1.4, 1.9])
def test_what_is_like_the_agents_voice_only_once_stays_a_person(position_s: float) -> None:
    """A short word and a pause: the guard suspects an echo in it, and does not find it again."""
    recorded = read_audio(SPEECH / "3080-5032-0000.flac").resampled(SAMPLE_RATE_HZ).samples
    began = speech_start(recorded, SAMPLE_RATE_HZ)
    said = recorded[began - FRAME : began + SAMPLE_RATE_HZ // 2].astype(np.float32)
    room = Room(return_db=-120.0, delay_s=0.3)
    room.position = round(position_s * SAMPLE_RATE_HZ)
    room.passes(np.concatenate([silence(1.0), said / (2 * np.abs(said).max())]))
    assert room.floors[-1][1] is Floor.HELD
    assert room.stops_since(1.0) == 1


@pytest.mark.parametrize("text", ["His cat.", "cat", "This gat", "and his mill his donkey"])
def test_words_of_an_echo_are_no_turn_after_the_reply_either(text: str) -> None:
    room = Room(return_db=-18.0, delay_s=0.3)
    room.passes(silence(6.0))
    room.stops()
    room.passes(silence(2.0))
    assert not room.hears(text)


def test_what_a_person_says_after_an_echo_is_a_turn_though_the_agent_said_it_too() -> None:
    room = Room(return_db=-18.0, delay_s=0.3)
    room.passes(silence(6.0))
    room.stops()
    room.passes(silence(1.0))
    room.passes(PERSON_GAIN * speech("Three sons, and a donkey, and a cat?"))
    assert room.hears("Three sons and a donkey and a cat?")


def test_where_nothing_comes_back_the_agents_words_are_an_answer() -> None:
    room = Room(return_db=-100.0, delay_s=0.3)
    room.passes(silence(6.0))
    room.stops()
    room.passes(PERSON_GAIN * speech("The donkey."))
    assert room.hears("The donkey.")


def test_recognition_hears_little_of_an_echo_and_all_of_a_person() -> None:
    room = Room(return_db=-12.0, delay_s=0.16)
    room.passes(silence(8.0))
    echo = np.concatenate(room.recognizable).astype(float)
    assert np.abs(echo[SAMPLE_RATE_HZ:]).max() < 0.02 * 32767
    room.stops()
    room.passes(silence(1.0))
    room.recognizable.clear()
    person = PERSON_GAIN * speech(LIGHTS)
    room.passes(person)
    heard = np.concatenate(room.recognizable) / 32767
    assert np.abs(heard - person[: len(heard)]).max() < 0.01


def test_an_echo_that_ends_is_forgotten_and_quiet_people_are_heard_again() -> None:
    room = Room(return_db=-6.0, delay_s=0.16)
    room.passes(silence(6.0))
    room._return = 0.0  # headphones
    for text in (LIGHTS, WEATHER):
        room.says(text, gain=0.1)
    assert room.cuts
