"""Pages name what is there: no link and no file of the map leads nowhere."""

import re
from collections.abc import Iterator
from pathlib import Path

from parley import paths

ROOT = paths.repository()
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
FOLDERS = "agent|apps|bench|caller|cli|configs|dialogue|gateway|ops|parley|proto|testkit|workers"
NAMED = re.compile(rf"`((?:{FOLDERS})/[\w/.-]*)`")
MAPS = ("docs/architecture.md", "docs/turn-taking.md", "docs/caller.md", "docs/decisions")
"""Pages whose every file has to be there; others may name what is yet to be written."""


def pages() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")
    yield from (ROOT / "caller" / "clips").glob("*.md")


def test_every_link_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages()
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_every_file_that_the_map_names_is_there() -> None:
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in pages()
        if str(page.relative_to(ROOT)).startswith(MAPS)
        for name in NAMED.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ]
    assert missing == []


def test_every_decision_is_listed_and_has_its_four_parts() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for page in sorted(folder.glob("0*.md")):
        text = page.read_text(encoding="utf-8")
        parts = (
            "**Context.**",
            "**Decision.**",
            "**Consequences.**",
            "**What would change our mind.",
        )
        assert [part for part in parts if part not in text] == [], page.name
        assert f"({page.name})" in listed
