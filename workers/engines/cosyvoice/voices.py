"""A folder of voices: each a recording to sound like, and what is said in it."""

import re
from dataclasses import dataclass
from pathlib import Path

from parley.audio import Audio, read_audio
from parley.errors import AudioFileError, ConfigurationError
from parley.models import ModelSpec
from parley.models.manifest import FolderSource
from workers.engines.tts_engine import EngineError

RECORDING = "prompt.wav"
TRANSCRIPT = "prompt.txt"
INSTRUCTION = "instruct.txt"

PROMPT_RATE_HZ = 16_000
LONGEST_PROMPT_S = 30.0
SHORTEST_PROMPT_S = 1.0

LANGUAGES = ("en", "zh", "ja", "ko", "yue")
"""BCP 47 tags of what CosyVoice 2 was trained on; dialects by instruction."""

SAMPLE_RATE_HZ = 24_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class VoicePrompt:
    """What a voice is made from; `recording` is at PROMPT_RATE_HZ.

    With an instruction the model follows it (style, dialect); else with a transcript it goes on
    as the recording does (zero-shot); with neither it takes over the timbre alone, which is
    what speaks another language than the recording's best (cross-lingual).
    """

    recording: Audio
    transcript: str
    instruction: str


def voices_in(folder: Path) -> dict[str, ModelSpec]:
    """The voices of a folder of voices, in order of their names.

    Raises ConfigurationError where there is none.
    """
    names = sorted(
        entry.name
        for entry in (folder.iterdir() if folder.is_dir() else ())
        if _NAME.fullmatch(entry.name) and (entry / RECORDING).is_file()
    )
    if not names:
        raise ConfigurationError(
            f"there is no voice in {folder}: make a folder there, named as the voice, with a "
            f"{RECORDING} of 5 to 15 s and what is said in it as {TRANSCRIPT} (docs/engines.md)"
        )
    return {name: _spec(name, folder / name) for name in names}


def read_prompt(folder: Path) -> VoicePrompt:
    """The prompt in a voice's own folder; raises EngineError where it cannot be used."""
    try:
        recording = read_audio(folder / RECORDING)
    except AudioFileError as error:
        raise EngineError(str(error)) from None
    if not SHORTEST_PROMPT_S <= recording.duration_s <= LONGEST_PROMPT_S:
        raise EngineError(
            f"{folder / RECORDING} is {recording.duration_s:.1f} s long; CosyVoice takes "
            f"{SHORTEST_PROMPT_S:.0f} to {LONGEST_PROMPT_S:.0f} s, best 5 to 15"
        )
    return VoicePrompt(
        recording=recording.resampled(PROMPT_RATE_HZ),
        transcript=_text(folder / TRANSCRIPT),
        instruction=_text(folder / INSTRUCTION),
    )


def _spec(name: str, folder: Path) -> ModelSpec:
    return ModelSpec(
        name=name,
        kind="voice",
        engine="cosyvoice",
        languages=LANGUAGES,
        sample_rate_hz=SAMPLE_RATE_HZ,
        license="the recording's",
        source=FolderSource(folder),
        files=(),
    )


def _text(file: Path) -> str:
    if not file.is_file():
        return ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise EngineError(f"{file} is not UTF-8 text") from None
