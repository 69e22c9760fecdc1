"""The names of speech engines: Parley's own, and those that installed packages add.

A package adds one by an entry point in the group `parley.tts_engines` or `parley.asr_engines`;
docs/engines.md describes it. Nothing of an engine is imported here.
"""

from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Literal

EngineKind = Literal["tts", "asr"]

GROUPS: MappingProxyType[EngineKind, str] = MappingProxyType(
    {"tts": "parley.tts_engines", "asr": "parley.asr_engines"}
)
OWN_ENGINES: MappingProxyType[EngineKind, tuple[str, ...]] = MappingProxyType(
    {"tts": ("piper", "hibari", "kokoro", "cosyvoice"), "asr": ("whisper", "whisperx", "moonshine")}
)
MANIFEST_VOICES = ("piper", "hibari", "kokoro")
"""Those of Parley's own whose voices are in its manifest of models."""

AUTO = "auto"
"""As the recognition engine: the one that suits the language and the machine."""
ASR_MODELS: MappingProxyType[str, str] = MappingProxyType(
    {"whisper": "whisper-base", "whisperx": "whisper-base", "moonshine": "moonshine-base-en"}
)
"""What each of Parley's own recognition engines loads where no model is named."""


def entry_point(kind: EngineKind, name: str) -> EntryPoint | None:
    """What an installed package adds under this name; None where none does."""
    return next(iter(entry_points(group=GROUPS[kind], name=name)), None)


def names(kind: EngineKind) -> tuple[str, ...]:
    """Every engine that may be named here: Parley's own first, which no package replaces."""
    installed = sorted(entry_points(group=GROUPS[kind]).names)
    return (*OWN_ENGINES[kind], *(name for name in installed if name not in OWN_ENGINES[kind]))


def known_engine(kind: EngineKind, name: str) -> str:
    """The name; raises ValueError, with those there are, for one that no engine has."""
    if kind == "asr" and name == AUTO:
        return name
    if name not in OWN_ENGINES[kind] and entry_point(kind, name) is None:
        raise ValueError(f"no engine has this name; there are {', '.join(names(kind))}")
    return name
