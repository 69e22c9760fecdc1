"""A picture of a plain object, and a recording of a plain tone."""

import io

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
