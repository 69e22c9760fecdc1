"""Whatever happens to workers and leases, in any order: a turned clock, no server, no sleeping."""

import itertools
from random import Random

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from parley.discovery.lease import LEASE_MS, Lease
from parley.discovery.redis import GRACE_S, RedisDiscovery
from parley.speech.balancing.circuit_breaker import CircuitBreaker
from parley.speech.balancing.picker import Candidate, pick
from parley.speech.synthesis.client import (
    AudioChunk,
    SpeechEvent,
    SynthesisDone,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
    TextSpoken,
    WordTiming,
)
from parley.speech.synthesis.utterance import Resumption, Utterance

RATE_HZ = 16000
WORD_SAMPLES = 1600
NAMES = ("a", "b", "c", "d")
TEXTS = ((1, 2, 3), (4, 5), (6, 7, 8, 9))


class _World:
    """Workers with leases in a Redis, on a clock that the rules turn."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.alive = dict.fromkeys(NAMES, False)
        self.draining = dict.fromkeys(NAMES, False)
        self.lease_ends_s: dict[str, float] = {}
        self.redis_there = True

    def lease(self, name: str) -> Lease:
        return Lease(
            worker_id=name,
            kind="synthesis",
            target=f"{name}:1",
            draining=self.draining[name],
        )


class PoolMachine(RuleBasedStateMachine):
    """One utterance spoken while workers come, drain, die and hang, and Redis comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = _World()
        self.discovery = RedisDiscovery("redis://nowhere", "synthesis", clock=self._clock)
        self.circuits = {name: CircuitBreaker(self._clock) for name in NAMES}
        self.utterance = Utterance(SynthesisRequest(voice="v"))
        self.reproducible = True
        self.owner: str | None = None
        self.resumption: Resumption | None = None
        self.pending: list[SpeechEvent] = []
        self.heard: list[AudioChunk] = []
        self.moves = 0
        self.done = False

    def _clock(self) -> float:
        return self.world.now_s

    @initialize(reproducible=st.booleans(), up=st.sets(st.sampled_from(NAMES), min_size=1))
    def begin(self, *, reproducible: bool, up: set[str]) -> None:
        self.reproducible = reproducible
        for name in up:
            self.worker_starts(name)

    # --- workers and Redis

    @rule(name=st.sampled_from(NAMES))
    def worker_starts(self, name: str) -> None:
        self.world.alive[name], self.world.draining[name] = True, False
        self._renew_leases()

    @rule(name=st.sampled_from(NAMES))
    def worker_dies(self, name: str) -> None:
        self.world.alive[name] = False
        if self.owner == name:
            self._lost()

    @rule(name=st.sampled_from(NAMES))
    def worker_drains(self, name: str) -> None:
        if self.world.alive[name]:
            self.world.draining[name] = True
            self._renew_leases()

    @rule(there=st.booleans(), empty=st.booleans())
    def redis_changes(self, there: bool, empty: bool) -> None:
        self.world.redis_there = there
        if empty:
            self.world.lease_ends_s.clear()
        self._renew_leases()

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0, 7.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now_s += seconds
        self._renew_leases()

    def _renew_leases(self) -> None:
        world = self.world
        if not world.redis_there:
            return
        for name in NAMES:
            if world.alive[name]:
                world.lease_ends_s[name] = world.now_s + LEASE_MS / 1000
        valid = {name for name, end in world.lease_ends_s.items() if end > world.now_s}
        self.discovery.learn({name: world.lease(name) for name in valid})

    # --- the utterance

    def _candidates(self) -> list[Candidate]:
        """What a roster knows: it has asked every worker since the last rule."""
        return [
            Candidate(
                target=worker.target,
                draining=worker.draining or self.world.draining[worker.target[0]],
                reachable=self.world.alive[worker.target[0]],
                circuit_closed=self.circuits[worker.target[0]].closed,
            )
            for worker in self.discovery.workers()
        ]

    @precondition(lambda self: self.owner is None and not self.done)
    @rule(seed=st.integers(0, 7))
    def a_worker_is_picked(self, seed: int) -> None:
        chosen = pick(self._candidates(), random=Random(seed), voice="v")
        if chosen is None:
            return
        name = chosen.target[0]
        assert self.world.alive[name], "a dead worker was picked"
        assert not self.world.draining[name], "a draining worker was picked"
        self.owner = name
        self.circuits[name].begin()
        self.resumption = self.utterance.resume()
        self.pending = _spoken_by_a_worker(self.resumption, reproducible=self.reproducible)

    @precondition(lambda self: self.owner is not None)
    @rule(count=st.integers(1, 6))
    def the_worker_speaks(self, count: int) -> None:
        for event in self.pending[:count]:
            accepted = self.utterance.accept(event)
            if isinstance(accepted, AudioChunk):
                self.heard.append(accepted)
            self.done = self.done or isinstance(accepted, SynthesisDone)
        del self.pending[:count]
        if self.done:
            self.owner = None

    @precondition(lambda self: self.owner is not None)
    @rule()
    def the_worker_hangs(self) -> None:
        self._lost()

    def _lost(self) -> None:
        assert self.owner is not None
        self.circuits[self.owner].lost()
        self.owner = None
        self.moves += 1

    # --- the promises

    @invariant()
    def no_sample_has_two_owners_and_none_is_missing(self) -> None:
        position = 0
        for chunk in self.heard:
            assert chunk.sample_offset == position
            position += len(chunk.samples)

    @invariant()
    def no_sentence_is_lost(self) -> None:
        # the end of a chunk: its beginning may be faded in
        ends = [int(chunk.samples[-1]) for chunk in self.heard]
        words = [word for word, _ in itertools.groupby(ends)]
        expected = [word for text in TEXTS for word in text]
        assert words == (expected if self.done else expected[: len(words)])
        length = sum(len(chunk.samples) for chunk in self.heard)
        assert length <= (len(words) + self.moves) * WORD_SAMPLES, "more than a word repeated"

    @invariant()
    def a_dead_workers_lease_expires(self) -> None:
        known = {worker.target[0] for worker in self.discovery.workers()}
        for name in known:
            end_s = self.world.lease_ends_s.get(name)
            if end_s is not None and self.world.redis_there and not self.world.alive[name]:
                # learned at the latest reading, which was at this very second
                assert self.world.now_s - end_s <= GRACE_S + LEASE_MS / 1000


def _spoken_by_a_worker(resumption: Resumption, *, reproducible: bool) -> list[SpeechEvent]:
    """All events of a call; each word is its number, half a word a chunk."""
    texts = [list(text) for text in TEXTS[resumption.first_text :]]
    if texts:
        texts[0] = texts[0][resumption.skip_words :]
    events: list[SpeechEvent] = [SynthesisStarted("w", "e", "v", RATE_HZ, reproducible)]
    position, skip = 0, resumption.request.start_offset_samples
    for index, text in enumerate(texts):
        timings = tuple(
            WordTiming(str(w), position + n * WORD_SAMPLES, position + (n + 1) * WORD_SAMPLES)
            for n, w in enumerate(text)
        )
        events.append(SynthesisWords(index, timings))
        for word in text:
            for _ in range(2):
                samples = np.full(WORD_SAMPLES // 2, word, dtype=np.int16)[
                    max(0, skip - position) :
                ]
                if len(samples):
                    offset = position + WORD_SAMPLES // 2 - len(samples)
                    events.append(AudioChunk(samples, offset, index))
                position += WORD_SAMPLES // 2
        events.append(TextSpoken(index, position))
    events.append(SynthesisDone(position))
    return events


PoolMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestPool = PoolMachine.TestCase
