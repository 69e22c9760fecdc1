"""The `.env` file: variables for people who would rather not export them."""

import re
from pathlib import Path

from parley.errors import ConfigurationError

_LINE = re.compile(r"^(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)$")


def read_dotenv(file: Path) -> dict[str, str]:
    """The variables of `file`, none where it does not exist.

    A line is `NAME=value`, empty, or a comment; quotes around a value are taken off, and nothing
    in it is expanded or run. Raises ConfigurationError naming file and line, never the value.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read as UTF-8 text ({error})") from None
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        match = _LINE.match(content)
        if not match:
            raise ConfigurationError(f"{file}:{number}: expected NAME=value")
        variables[match["name"]] = _unquoted(match["value"])
    return variables


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return re.sub(r"\s+#.*$", "", value)
