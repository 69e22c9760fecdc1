"""The files of a CosyVoice 2 checkpoint."""

from pathlib import Path

from parley.errors import ConfigurationError

CONFIG = "cosyvoice2.yaml"
BACKBONE = "CosyVoice-BlankEN"
"""Folder of the language model's configuration and tokenizer."""

FILES = (
    CONFIG,
    "llm.pt",
    "flow.pt",
    "hift.pt",
    "campplus.onnx",
    "speech_tokenizer_v2.onnx",
    f"{BACKBONE}/config.json",
)

_OTHER_GENERATIONS = {"cosyvoice.yaml": "CosyVoice 1", "cosyvoice3.yaml": "CosyVoice 3"}


def check_layout(folder: Path) -> None:
    """Raises ConfigurationError for a folder that is no CosyVoice 2 checkpoint."""
    for name, generation in _OTHER_GENERATIONS.items():
        if (folder / name).exists() and not (folder / CONFIG).exists():
            raise ConfigurationError(
                f"{folder} is a {generation} checkpoint; the installed cosyvoice2-eu runs "
                "CosyVoice 2 only: point tts.cosyvoice.model_dir at one of those"
            )
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(
            f"{folder} is no CosyVoice 2 checkpoint: it lacks {', '.join(missing)}; put the files "
            "of FunAudioLLM/CosyVoice2-0.5B there, or set tts.cosyvoice.model_dir"
        )
