"""Pages name what is there: no link and no file of the map leads nowhere."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import get_args

from cli.bench import BENCHMARKS
from cli.main import COMMANDS
from parley import Agent, paths
from parley.room_events import AnyEvent
from parley.settings import OrchestratorSettings, WorkerSettings, source
from parley.settings.livekit_server import LiveKitServerSettings

ROOT = paths.repository()
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
PLACE = re.compile(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
FOLDERS = "agent|apps|bench|caller|cli|configs|dialogue|gateway|ops|parley|proto|testkit|workers"
NAMED = re.compile(rf"`((?:{FOLDERS})/[\w/.-]*)`")
COMMAND = re.compile(r"\./run ([a-z]+)(?: ([a-z]+))?")
NO_SETTINGS = {"agent.lost_jobs", "turn.ended", "turn.allow_restricted_peer_cidrs"}
"""What is named like a setting: a logger, an event of webhooks, a key of LiveKit's own."""
FILES = {".db", ".jsonl", ".pem", ".pt", ".yaml"}
MAPS = ("docs/architecture.md", "docs/turn-taking.md", "docs/caller.md", "docs/decisions")
"""Pages whose every file has to be there; others may name what is yet to be written."""


def pages() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")
    yield from (ROOT / "caller" / "clips").glob("*.md")
    yield from (ROOT / "examples").glob("*.md")


def test_every_link_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages()
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []


@cache
def places(page: Path) -> frozenset[str]:
    """What a link may name behind its #: the headings, as GitHub writes them."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    names = [
        re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading))
        .strip()
        .lower()
        .replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    ]
    seen: Counter[str] = Counter()
    found = set()
    for name in names:
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return frozenset(found)


def test_every_link_into_a_page_leads_to_a_heading_of_it() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {name}#{place}"
        for page in pages()
        for name, place in PLACE.findall(page.read_text(encoding="utf-8"))
        if (target := page.parent / name if name else page).suffix == ".md"
        and place not in places(target.resolve())
    ]
    assert broken == []


def test_the_map_of_the_documentation_has_every_page() -> None:
    folder = ROOT / "docs"
    listed = set(LINK.findall((folder / "README.md").read_text(encoding="utf-8")))
    there = {page.name for page in folder.glob("*.md")} - {"README.md"}
    assert sorted(there - listed) == []


def test_the_page_for_clients_has_every_event_and_its_fields() -> None:
    text = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    table = text[text.index("### Events") : text.index("## POST /api/token")]
    rows = {row.split("`")[1]: row for row in table.splitlines() if row.startswith("| `")}
    missing = [
        f"{kind}.{name}"
        for event in get_args(AnyEvent)
        for kind in get_args(event.model_fields["type"].annotation)
        for name in event.model_fields
        if name != "type" and f"`{name}`" not in rows.get(kind, "")
    ]
    assert missing == []


def test_the_page_of_agents_has_every_field() -> None:
    text = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    assert [each.name for each in fields(Agent) if f"`{each.name}`" not in text] == []


def test_every_command_that_a_page_names_is_one() -> None:
    unknown = [
        f"{page.relative_to(ROOT)}: ./run {command} {name}".rstrip()
        for page in pages()
        for command, name in COMMAND.findall(page.read_text(encoding="utf-8"))
        if command not in {*COMMANDS, "help"}
        or (command == "bench" and name and name not in BENCHMARKS)
    ]
    assert unknown == []


def test_every_setting_that_a_page_names_is_one() -> None:
    models = (OrchestratorSettings, WorkerSettings, LiveKitServerSettings)
    known = [".".join(path) for model in models for path, _ in source.fields(model)]
    sections = "|".join(sorted({path.partition(".")[0] for path in known}))
    named = re.compile(rf"`((?:{sections})(?:\.\w+)+)`")
    unknown = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in pages()
        if page.name != "CHANGELOG.md"
        for name in named.findall(page.read_text(encoding="utf-8"))
        if name not in NO_SETTINGS
        and Path(name).suffix not in FILES
        and not any(f"{path}.".startswith(f"{name}.") for path in known)
    ]
    assert unknown == []


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
