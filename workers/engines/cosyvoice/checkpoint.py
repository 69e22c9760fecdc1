"""The modules that a CosyVoice 2 checkpoint describes."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime
from hyperpyyaml import load_hyperpyyaml

from workers.engines.cosyvoice.layout import BACKBONE, CONFIG

_MODULES = ("llm", "flow", "hift", "get_tokenizer", "feat_extractor")


@dataclass(frozen=True)
class Frontend:
    """What encodes text and prompts; `mel` turns sound [1, n] into features [1, 80, frames]."""

    tokenizer: Any
    mel: Any
    speaker: onnxruntime.InferenceSession
    speech_tokens: onnxruntime.InferenceSession
    sample_rate_hz: int


def read_modules(folder: Path) -> dict[str, Any]:
    """The modules that synthesis needs, as the checkpoint's yaml makes them, weights random.

    The published yaml describes training, too, which needs packages that are not installed here:
    those headings are left out.
    """
    text = (folder / CONFIG).read_text(encoding="utf-8")
    headings = re.split(r"^(?=\w+:)", text, flags=re.MULTILINE)
    needed = (part for part in headings if _is_needed(part))
    overrides = {"qwen_pretrain_path": str(folder / BACKBONE)}
    modules: dict[str, Any] = load_hyperpyyaml(io.StringIO("".join(needed)), overrides=overrides)
    return modules


def load_frontend(folder: Path, modules: dict[str, Any]) -> Frontend:
    """The checkpoint's encoders; prompts are encoded once, on the CPU."""
    return Frontend(
        tokenizer=modules["get_tokenizer"](),
        mel=modules["feat_extractor"],
        speaker=_session(folder / "campplus.onnx"),
        speech_tokens=_session(folder / "speech_tokenizer_v2.onnx"),
        sample_rate_hz=modules["sample_rate"],
    )


def _is_needed(heading: str) -> bool:
    """Whether synthesis needs this heading: its modules, the seeds, and plain numbers."""
    key, _, value = heading.partition(":")
    return (
        key in _MODULES or key.startswith("__set_seed") or not value.lstrip().startswith(("!", "["))
    )


def _session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
