"""The jitter buffer's part of what is heard, from WebRTC's counts."""

import pytest

from caller.jitter_buffer import BufferDelays, BufferReading


def test_the_delay_is_that_of_the_samples_between_two_readings() -> None:
    delays = BufferDelays(
        (
            BufferReading(1.0, 10.0, 48_000),
            BufferReading(2.0, 10.0 + 0.03 * 48_000, 96_000),
            BufferReading(3.0, 10.0 + 0.03 * 48_000 + 0.08 * 48_000, 144_000),
        )
    )
    assert delays.mean_s(1.5) == pytest.approx(0.03)
    assert delays.mean_s(2.0) == pytest.approx(0.08)


def test_what_was_not_read_is_not_known() -> None:
    delays = BufferDelays((BufferReading(1.0, 0.0, 0), BufferReading(2.0, 0.0, 0)))
    assert delays.mean_s(0.5) is None
    assert delays.mean_s(1.5) is None, "nothing has left it"
    assert delays.mean_s(2.5) is None
    assert BufferDelays().mean_s(1.0) is None
