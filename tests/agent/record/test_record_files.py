"""The files of a record: whole at any moment, for their owner alone, no reason to end a call."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import soundfile

from agent.record.files import RecordFiles
from parley.audio import Samples
from parley.records.lines import (
    AUDIO_FILE,
    AUDIO_RATE_HZ,
    LINES_FILE,
    PEAKS_FILE,
    RecordingStopped,
    parse,
)

LONG_S = 30.0


def noise(seconds: float, seed: int = 0) -> Samples:
    generator = np.random.default_rng(seed)
    return generator.normal(0, 800, (round(seconds * AUDIO_RATE_HZ), 2)).astype(np.int16)


def unexpected(why: str) -> None:
    raise AssertionError(why)


def test_what_was_written_is_read_again_to_the_sample(tmp_path: Path) -> None:
    folder, sound = tmp_path / "calls" / "one", noise(3)
    files = RecordFiles(folder, audio=True, on_stopped=unexpected)
    files.line('{"a": 1}')
    for first in range(0, len(sound), 8_000):
        files.audio(sound[first : first + 8_000])
    files.close()
    kept, rate_hz = soundfile.read(folder / AUDIO_FILE, dtype="int16")
    assert rate_hz == AUDIO_RATE_HZ
    assert np.array_equal(kept, sound)
    assert (folder / LINES_FILE).read_text() == '{"a": 1}\n'
    assert len((folder / PEAKS_FILE).read_bytes()) == 2 * 3 * 20
    modes = [
        oct(each.stat().st_mode & 0o777) for each in (folder.parent, folder, *folder.iterdir())
    ]
    assert modes == ["0o700", "0o700", "0o600", "0o600", "0o600"]


_WRITER = """
import sys, time
from pathlib import Path
from agent.record.files import RecordFiles
from tests_noise import noise
files = RecordFiles(Path(sys.argv[1]), audio=True, on_stopped=print)
for number in range(10**6):
    files.line("{}")
    files.audio(noise(0.5, number))
    print(number, flush=True)
    time.sleep(0.01)
"""


def test_a_killed_process_leaves_all_but_the_last_seconds(tmp_path: Path) -> None:
    (tmp_path / "tests_noise.py").write_text(
        "import numpy as np\ndef noise(seconds, seed):\n"
        "    generator = np.random.default_rng(seed)\n"
        "    return generator.normal(0, 800, (round(seconds * 16000), 2)).astype(np.int16)\n"
    )
    folder = tmp_path / "calls" / "one"
    search = os.pathsep.join([str(Path.cwd()), str(tmp_path)])
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder)],
        env={**os.environ, "PYTHONPATH": search},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    last = next(int(line) for line in writer.stdout if int(line) >= 20)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    kept, _ = soundfile.read(folder / AUDIO_FILE, dtype="int16")
    assert len(kept) >= (0.5 * last - 3.0) * AUDIO_RATE_HZ
    spoken = np.concatenate([noise(0.5, number) for number in range(last + 20)])
    assert np.array_equal(kept, spoken[: len(kept)])


def test_a_full_disk_ends_the_recording_with_a_word_and_nobody_waits(small_disk: Path) -> None:
    told, reasons = threading.Event(), []

    def stopped(why: str) -> None:
        reasons.append(why)
        told.set()

    folder = small_disk / "calls" / "one"
    files = RecordFiles(folder, audio=True, on_stopped=stopped)
    files.line("{}")
    assert told.wait(LONG_S)
    for number in range(50):
        files.audio(noise(0.5, number))
    files.close()
    assert len(reasons) == 1
    assert "full" in reasons[0]
    lines = list(parse((folder / LINES_FILE).read_bytes().splitlines()))
    assert isinstance(lines[-1], RecordingStopped)
