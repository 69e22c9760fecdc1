"""How the agent's voice comes back to the microphone: level, delay, room; and the set of cells."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from parley.audio import Samples

RATE_HZ = 16_000
LEVELS_DB = (-6, -12, -18, -24, -30, -36)
DELAYS_MS = (50, 150, 300, 450, 600)
RESIDUAL_DB = -30
"""What a canceller leaves, now and then."""
DECAY_S = 0.3
"""In which reverberation falls by 60 dB; direct sound is as strong as all of it."""
BURST_S = 0.25

Kind = Literal["plain", "room", "residual"]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EchoCell:
    kind: Kind
    level_db: int
    delay_ms: int

    @property
    def name(self) -> str:
        return f"{self.kind} {self.level_db} dB {self.delay_ms} ms"


def cells(*, every: bool) -> list[EchoCell]:
    """All of them, or each level and delay once, in a room or not by turns; residuals always."""
    rooms: tuple[Kind, Kind] = ("plain", "room")
    chosen = [
        EchoCell(kind, level_db, delay_ms)
        for row, level_db in enumerate(LEVELS_DB)
        for column, delay_ms in enumerate(DELAYS_MS)
        for number, kind in enumerate(rooms)
        if every or (row + column) % 2 == number
    ]
    return chosen + [EchoCell("residual", RESIDUAL_DB, delay_ms) for delay_ms in DELAYS_MS]


class EchoPath:
    """Give it what sounds, frame by frame; it answers with what comes back meanwhile."""

    def __init__(self, cell: EchoCell, *, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        response = _reverberation(self._random) if cell.kind == "room" else np.ones(1)
        delay = np.zeros(round(cell.delay_ms / 1000 * RATE_HZ))
        self._response = np.concatenate([delay, response * 10 ** (cell.level_db / 20)])
        self._sounded = np.zeros(len(self._response) - 1)
        self._is_residual = cell.kind == "residual"
        self._burst_samples = 0
        self._is_through = True

    def comes_back(self, sounded: Samples) -> Floats:
        """int16 samples in, the same scale out."""
        line = np.concatenate([self._sounded, sounded.astype(np.float64)])
        self._sounded = line[len(sounded) :]
        size = 1 << (len(line) - 1).bit_length()
        spectrum = np.fft.rfft(line, size) * np.fft.rfft(self._response, size)
        back = np.fft.irfft(spectrum, size)[len(self._response) - 1 : len(line)]
        return back * self._gate(len(back)) if self._is_residual else back

    def _gate(self, count: int) -> float:
        self._burst_samples += count
        if self._burst_samples >= BURST_S * RATE_HZ:
            self._burst_samples = 0
            self._is_through = bool(self._random.random() < 0.5)
        return float(self._is_through)


def _reverberation(random: np.random.Generator) -> Floats:
    count = round(DECAY_S * RATE_HZ)
    tail = random.normal(0, 1, count) * 10 ** (-3 * np.arange(count) / RATE_HZ / DECAY_S)
    tail /= np.sqrt(tail @ tail)
    tail[0] += 1.0
    return np.asarray(tail / np.sqrt(2))
