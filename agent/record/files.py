"""The files of a record, written by a thread: a slow disk holds nobody up.

Nothing grows without bound: what is too much for the disk ends the recording, and so does a disk
that is full. The call goes on.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from agent.record.flac import FlacFile
from parley.audio import Samples
from parley.disk import why_full
from parley.private import open_locked, open_private, private_folder
from parley.records.lines import (
    AUDIO_FILE,
    AUDIO_RATE_HZ,
    LINES_FILE,
    PEAK_S,
    PEAKS_FILE,
    RecordingStopped,
)

WAITING = 2_000
"""Lines and pieces of sound that may wait for the disk: some minutes of them."""
LOOKS_AT_DISK_EVERY = 100
"""Whether it is full, in pieces written."""
ENDS_WITHIN_S = 5.0
_PEAK_SAMPLES = round(PEAK_S * AUDIO_RATE_HZ)

_log = logging.getLogger(__name__)


class RecordFiles:
    """The record of one call in `folder`. `close` it at the end.

    `on_stopped` is told once, from the writing thread, why nothing more is written.
    """

    def __init__(self, folder: Path, *, audio: bool, on_stopped: Callable[[str], None]) -> None:
        self._folder = folder
        self._audio = audio
        self._on_stopped = on_stopped
        self._waiting: queue.Queue[str | Samples | None] = queue.Queue(WAITING)
        self._why = ""
        """Why nothing more is written."""
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    def line(self, text: str) -> None:
        """One JSON object, without its line break."""
        self._put(text)

    def audio(self, stereo: Samples) -> None:
        """The next samples, of shape [n, 2], at AUDIO_RATE_HZ."""
        self._put(stereo)

    def close(self) -> None:
        """Writes what waits, or gives it up after ENDS_WITHIN_S. It blocks."""
        try:
            if not self._why:
                self._waiting.put(None, timeout=ENDS_WITHIN_S)
        except queue.Full:
            self._stop("the disk is too slow")
        self._thread.join(ENDS_WITHIN_S)

    def _put(self, piece: str | Samples) -> None:
        if self._why:
            return
        try:
            self._waiting.put_nowait(piece)
        except queue.Full:
            self._stop("the disk is too slow")

    def _stop(self, why: str) -> None:
        if not self._why:
            self._why = why
            _log.error("the call is not recorded any more: %s", why)
            self._on_stopped(why)

    def _run(self) -> None:
        try:
            self._write_all()
        except (OSError, soundfile.SoundFileRuntimeError) as error:
            self._stop(why_full(self._folder) or f"{self._folder} cannot be written: {error}")

    def _write_all(self) -> None:
        private_folder(self._folder.parent)
        private_folder(self._folder)
        # As long as it is locked, the call goes on.
        with open_locked(self._folder / LINES_FILE) as lines:
            sound = _Sound(self._folder) if self._audio else None
            try:
                self._write(lines, sound)
            except OSError as error:
                self._stop(why_full(self._folder) or f"{self._folder} cannot be written: {error}")
            finally:
                if self._why:
                    _write_line(lines, RecordingStopped(at_s=time.time(), why=self._why))
                if sound is not None:
                    sound.close()

    def _write(self, lines: BinaryIO, sound: "_Sound | None") -> None:
        written = 0
        while not self._why and (piece := self._waiting.get()) is not None:
            if isinstance(piece, str):
                lines.write(piece.encode() + b"\n")
                lines.flush()
            elif sound is not None:
                sound.write(piece)
            written += 1
            if written % LOOKS_AT_DISK_EVERY == 1 and (full := why_full(self._folder)):
                self._stop(full)


def _write_line(lines: BinaryIO, line: RecordingStopped) -> None:
    with suppress(OSError):  # where there is no room for it either
        lines.write(line.model_dump_json().encode() + b"\n")
        lines.flush()


class _Sound:
    """Both sides, and how loud they are."""

    def __init__(self, folder: Path) -> None:
        self._flac = FlacFile(folder / AUDIO_FILE)
        self._peaks = open_private(folder / PEAKS_FILE, append=False)
        self._rest = np.empty((0, 2), np.int16)

    def write(self, stereo: Samples) -> None:
        self._flac.write(stereo)
        samples = np.concatenate([self._rest, stereo])
        whole = len(samples) // _PEAK_SAMPLES * _PEAK_SAMPLES
        self._rest = samples[whole:]
        blocks = np.abs(samples[:whole].astype(np.int32)).reshape(-1, _PEAK_SAMPLES, 2)
        self._peaks.write(np.minimum(blocks.max(axis=1) >> 7, 255).astype(np.uint8).tobytes())
        self._peaks.flush()

    def close(self) -> None:
        self._peaks.close()
        self._flac.close()
