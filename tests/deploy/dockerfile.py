"""The Dockerfile as its stages: enough of its language to hold it against the code."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from parley import paths

FILE = paths.repository() / "deploy" / "docker" / "Dockerfile"
PARTS = (
    *("agent", "gateway", "chat", "orchestrator"),
    *("tts", "tts-cosyvoice", "asr", "llm", "models"),
)
_FROM = re.compile(r"FROM (\S+)(?: AS (\S+))?")


@dataclass
class Stage:
    """`steps` are its instructions, each with its continuation lines joined."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, instruction: str) -> list[str]:
        return [text for name, text in self.steps if name == instruction]

    @property
    def copied(self) -> list[str]:
        """What comes from the checkout."""
        copies = [text for text in self.of("COPY") if not text.startswith("--from")]
        return [source for text in copies for source in text.split()[:-1]]


def stages(file: Path = FILE) -> dict[str, Stage]:
    """By name; raises AssertionError for one without a name, which nobody could build."""
    text = re.sub(r"^\s*#.*\n", "", file.read_text("utf-8"), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    current: Stage | None = None
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            match = _FROM.fullmatch(line.strip())
            assert match is not None and match[2], f"a stage without a name: {line}"
            current = found[match[2]] = Stage(match[1])
        elif current is not None:
            current.steps.append((instruction, " ".join(rest.split())))
    return found
