"""Finds the languages there are: every module or package of this folder that has a LANGUAGE."""

import importlib
import pkgutil
from collections.abc import Mapping

from dialogue.text import languages as package
from dialogue.text.languages.language import Language
from parley.errors import ConfigurationError
from parley.models.languages import base_code


def languages() -> Mapping[str, Language]:
    """All languages by their codes; raises ConfigurationError where two have the same code."""
    found: dict[str, Language] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        module = importlib.import_module(f"{package.__name__}.{name}")
        language = getattr(module, "LANGUAGE", None)
        if not isinstance(language, Language):
            continue
        if language.code in found:
            raise ConfigurationError(f"two modules of languages/ have the code {language.code!r}")
        found[language.code] = language
    return found


def get(code: str) -> Language:
    """The language of a code like "de" or "de-DE"; raises ConfigurationError naming all."""
    found = languages()
    if (language := found.get(base_code(code))) is None:
        known = ", ".join(f"{each.code} ({each.name})" for each in found.values())
        raise ConfigurationError(f"there is no language {code!r}; there are {known}")
    return language


def get_or_english(code: str) -> Language:
    """The language of a code, English where there is none: a call is not lost over it.

    `check_languages` says so to whoever runs the agent.
    """
    found = languages()
    return found.get(base_code(code), found["en"])
