"""What `from parley import …` gives: documented, on its page, and cheap to import."""

import json
import subprocess
import sys

import pytest

import parley
from cli import docs

WORDS = {word.name: word for module in docs.MODULES for word in docs.words_of(module)}

IMPORTED = """
import json, sys
before = set(sys.modules)
import parley
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def test_every_public_word_is_declared_once_in_a_module_of_the_page() -> None:
    assert sorted(WORDS) == parley.__all__
    assert sum(len(list(docs.words_of(module))) for module in docs.MODULES) == len(WORDS)


@pytest.mark.parametrize("name", parley.__all__)
def test_every_public_word_says_what_it_is(name: str) -> None:
    word = WORDS[name]
    assert word.meaning
    silent = [field.name for field in word.fields if not field.meaning]
    assert [name for name in silent if name not in SELF_EVIDENT] == []
    assert [method.signature for method in word.methods if not method.meaning] == []


SELF_EVIDENT = {"agent", "text", "question", "usage", "session", "keeps", "arguments", "name"}
"""Fields that say no more than their class does."""


def test_the_page_is_what_the_docstrings_give() -> None:
    assert docs.stale_pages() == [], "run `./run docs`"
    text = (docs.paths.repository() / docs.PAGE).read_text(encoding="utf-8")
    assert all(f"### {name}\n" in text for name in parley.__all__)


def test_every_public_word_can_be_imported() -> None:
    assert all(getattr(parley, name) is not None for name in parley.__all__)


def test_importing_parley_loads_nothing_that_is_installed() -> None:
    told = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        cwd=docs.paths.repository(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(told.stdout))
    assert loaded <= {"parley", *sys.stdlib_module_names}
