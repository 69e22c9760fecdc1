"""What is no CosyVoice 2 checkpoint is refused before anything is loaded."""

from pathlib import Path

import pytest

from parley.errors import ConfigurationError
from workers.engines.cosyvoice.layout import FILES, check_layout


def make_checkpoint(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_whole_checkpoint_passes(tmp_path: Path) -> None:
    check_layout(make_checkpoint(tmp_path, *FILES))


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"lacks llm\.pt, flow\.pt; .*model_dir"):
        check_layout(make_checkpoint(tmp_path, *set(FILES) - {"llm.pt", "flow.pt"}))


@pytest.mark.parametrize(
    ("file", "generation"), [("cosyvoice.yaml", "CosyVoice 1"), ("cosyvoice3.yaml", "CosyVoice 3")]
)
def test_other_generations_are_refused_by_name(tmp_path: Path, file: str, generation: str) -> None:
    with pytest.raises(ConfigurationError, match=f"is a {generation} checkpoint"):
        check_layout(make_checkpoint(tmp_path, file, "llm.pt"))
