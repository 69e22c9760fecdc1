"""A FLAC file that is whole at any moment: a killed process leaves what it had written.

The encoder writes each block as it is full, and its header at the end only. Here the header's count
of samples is brought up to date after each write: players and libsndfile read a file without one
badly, or not at all.
"""

import os
from pathlib import Path
from typing import BinaryIO

import soundfile

from parley.audio import Samples
from parley.private import open_private
from parley.records.lines import AUDIO_RATE_HZ

CHANNELS = 2
_BLOCK_SIZE_AT = 8
_RATE_AND_COUNT_AT = 18
_COUNT_BITS = 36
"""Of the 64 bits there, the last are the count of samples (RFC 9639, 8.2)."""


class FlacFile:
    """Stereo, 16 bits, AUDIO_RATE_HZ. Every call raises OSError when the disk fails."""

    def __init__(self, path: Path) -> None:
        self._sink = _Sink(open_private(path, append=False))
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._encoder = soundfile.SoundFile(
            self._sink, "w", AUDIO_RATE_HZ, CHANNELS, format="FLAC", subtype="PCM_16"
        )
        self._count = 0

    def write(self, stereo: Samples) -> None:
        """Samples of shape [n, 2]."""
        self._encoder.write(stereo)
        self._count += len(stereo)
        self._sink.check()
        self._tell_count()

    def close(self) -> None:
        try:
            self._encoder.close()
            self._sink.check()
        finally:
            os.close(self._descriptor)
            self._sink.close()

    def _tell_count(self) -> None:
        """Of the blocks that are in the file: the encoder keeps one sample more than a block."""
        head = os.pread(self._descriptor, _RATE_AND_COUNT_AT + 8, 0)
        block = int.from_bytes(head[_BLOCK_SIZE_AT : _BLOCK_SIZE_AT + 2], "big")
        if len(head) < _RATE_AND_COUNT_AT + 8 or not block:
            return
        count = max(0, self._count - 1) // block * block
        told = int.from_bytes(head[_RATE_AND_COUNT_AT:], "big") >> _COUNT_BITS << _COUNT_BITS
        os.pwrite(self._descriptor, (told | count).to_bytes(8, "big"), _RATE_AND_COUNT_AT)


class _Sink:
    """Where the encoder writes; keeps the error that libsndfile would swallow."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        data = bytes(data)
        try:
            if self._error is None:
                self._stream.write(data)
                self._stream.flush()
        except OSError as error:
            self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, count: int = -1) -> bytes:
        return b""  # the encoder does not

    def flush(self) -> None:
        return

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        try:
            self._stream.close()
        except OSError as error:
            self._error = self._error or error
