"""What must not be written down is blackened before it is."""

import re
from collections.abc import Sequence

from parley.records.lines import AnyLine
from parley.settings.record import NAMED_PATTERNS

BLACKENED = "[redacted]"

_WORDS = frozenset({"text", "message", "result", "arguments"})
"""Fields of lines that hold what somebody said, or what a tool was given and gave."""


class Redaction:
    """Replaces what `patterns` match (record.redact) in all words of a line."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [re.compile(NAMED_PATTERNS.get(each, each)) for each in patterns]

    @property
    def blackens(self) -> bool:
        return bool(self._patterns)

    def line(self, line: AnyLine) -> AnyLine:
        if not self._patterns:
            return line
        words = {name: getattr(line, name) for name in _WORDS if hasattr(line, name)}
        return line.model_copy(update={name: self._in(value) for name, value in words.items()})

    def text(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub(BLACKENED, text)
        return text

    def _in(self, value: object) -> object:
        match value:
            case str():
                return self.text(value)
            case dict():
                return {key: self._in(each) for key, each in value.items()}
            case list():
                return [self._in(each) for each in value]
            case int() | float() if not isinstance(value, bool):
                text = self.text(str(value))
                return text if BLACKENED in text else value
        return value
