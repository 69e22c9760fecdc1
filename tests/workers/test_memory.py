"""Memory stays flat over many utterances, half of them cancelled (`./run bench memory`).

`PARLEY_MEMORY_UTTERANCES` makes it longer than a test run needs (default 60).
"""

import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.memory import (
    PROMISED_GROWTH_MB,
    VOICES,
    Flatness,
    MemoryReading,
    _document,
    growth_mb,
    measure,
)
from parley import paths

GROWTH_MB = 30.0
ENOUGH_FOR_A_SLOPE = 1000

FLAT = Flatness(
    engine="piper",
    utterances=2000,
    cancelled=1000,
    took_s=1.0,
    settled_mb=200.0,
    end_mb=201.0,
    growth_mb=1.0,
)


def test_growth_is_the_slope_not_the_last_reading() -> None:
    leaking = [MemoryReading(n, 200 + n * 0.05) for n in range(200, 2001, 25)]
    assert growth_mb(leaking) == pytest.approx(100)
    spike = [MemoryReading(n, 290.0 if n == 1000 else 200.0) for n in range(200, 2001, 25)]
    assert abs(growth_mb(spike)) < PROMISED_GROWTH_MB


def test_the_promise_can_break_and_every_field_is_documented() -> None:
    assert FLAT.kept
    assert not replace(FLAT, growth_mb=PROMISED_GROWTH_MB + 0.1).kept
    documented = (paths.repository() / "docs" / "bench.md").read_text("utf-8")
    names = set(re.findall(r"`(?:results\[\]|promises\[\])?\.?(\w+)(?:\[\])?`", documented))
    document = _document([FLAT], 0.0)
    for part in (document, asdict(FLAT), document["promises"][0]):
        assert set(part) <= names, set(part) - names
    assert document["promises"][0]["name"] in names


@pytest.mark.servers
@pytest.mark.realtime
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("engine", VOICES)
async def test_memory_is_flat_over_many_utterances_half_cancelled(
    engine: str, tmp_path: Path
) -> None:
    utterances = int(os.environ.get("PARLEY_MEMORY_UTTERANCES", "60"))
    flatness = await measure(engine, utterances, tmp_path)
    print(flatness)
    assert flatness.cancelled == utterances // 2
    assert flatness.end_mb - flatness.settled_mb < GROWTH_MB
    if utterances >= ENOUGH_FOR_A_SLOPE:
        assert flatness.kept
