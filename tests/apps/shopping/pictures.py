"""A picture of a plain object, a recording of a plain tone, and one of each that is endless."""

import io
import struct
import zlib

import numpy as np
import soundfile
from PIL import Image, ImageDraw


def picture(color: str) -> bytes:
    """PNG."""
    image = Image.new("RGB", (120, 160), "white")
    ImageDraw.Draw(image).rectangle((30, 30, 90, 130), fill=color)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def recording() -> bytes:
    """WAV, one second."""
    data = io.BytesIO()
    soundfile.write(data, np.sin(np.arange(16000) / 20) * 0.3, 16000, format="WAV")
    return data.getvalue()


def endless_picture() -> bytes:
    """PNG: the head of one with 3.6 billion pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = (head, b"IDAT" + zlib.compress(b""))
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def endless_silence() -> bytes:
    """FLAC, small; read it is 25 million samples."""
    data, second = io.BytesIO(), np.zeros((96_000, 8), np.int16)
    with soundfile.SoundFile(data, "w", 96_000, 8, format="FLAC") as file:
        for _ in range(33):
            file.write(second)
    return data.getvalue()
