"""The styles of Kokoro's voices: who speaks is a vector, one for each length of a sentence.

`styles.npz` beside this file holds them, from the voices of the package kokoro-js 1.2.1 (npm,
Apache-2.0), as half floats: off by 0.001 at most, of values up to 3.
`python -m workers.engines.kokoro.styles FOLDER` makes it anew from the package's files.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from workers.engines.tts_engine import EngineError

Styles = npt.NDArray[np.float32]
"""Shape [longest, 256]: row n is the style of a sentence of n + 1 ids."""

_FILE = Path(__file__).with_name("styles.npz")


@dataclass(frozen=True)
class KokoroSpeaker:
    """`published` is the name that Kokoro's author gave the voice."""

    published: str
    british: bool = False


SPEAKERS = MappingProxyType(
    {
        "kokoro-en-us-heart": KokoroSpeaker("af_heart"),
        "kokoro-en-us-bella": KokoroSpeaker("af_bella"),
        "kokoro-en-us-nicole": KokoroSpeaker("af_nicole"),
        "kokoro-en-us-sarah": KokoroSpeaker("af_sarah"),
        "kokoro-en-us-michael": KokoroSpeaker("am_michael"),
        "kokoro-en-us-fenrir": KokoroSpeaker("am_fenrir"),
        "kokoro-en-us-puck": KokoroSpeaker("am_puck"),
        "kokoro-en-gb-emma": KokoroSpeaker("bf_emma", british=True),
        "kokoro-en-gb-george": KokoroSpeaker("bm_george", british=True),
        "kokoro-en-gb-fable": KokoroSpeaker("bm_fable", british=True),
    }
)
"""By the names that the manifest has: those that Kokoro's author grades best of each kind."""


def speaker(voice: str) -> KokoroSpeaker:
    """Who speaks with this voice; raises EngineError for one that is not Kokoro's."""
    found = SPEAKERS.get(voice)
    if found is None:
        raise EngineError(f"Kokoro has no voice {voice!r}; it has {', '.join(SPEAKERS)}")
    return found


def read_styles(speaker: KokoroSpeaker, file: Path = _FILE) -> Styles:
    """Raises EngineError where the file with the styles is missing or damaged."""
    try:
        with np.load(file) as packed:
            steps = packed[speaker.published]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise EngineError(f"{file} has no styles of {speaker.published}: {error}") from error
    rows = np.cumsum(steps, axis=1, dtype=np.int16).T
    return np.ascontiguousarray(rows).view(np.float16).astype(np.float32)


def pack(folder: Path, file: Path) -> None:
    """Writes `file` from the published `NAME.bin` of `folder`: float32 of [longest, 256].

    Neighboring rows hardly differ: as steps from row to row they take a tenth of the room.
    """
    steps: dict[str, Any] = {}
    for each in SPEAKERS.values():
        table = np.fromfile(folder / f"{each.published}.bin", "<f4").reshape(-1, 256)
        bits = np.ascontiguousarray(table.astype(np.float16).T).view(np.int16)
        steps[each.published] = np.diff(bits, axis=1, prepend=np.int16(0))
    np.savez_compressed(file, **steps)


if __name__ == "__main__":
    pack(Path(sys.argv[1]), _FILE)
