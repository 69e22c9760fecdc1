"""Whatever gateway and agent may tell a visitor by a code, the page has words of its own for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.room import problems
from dialogue.model_errors import PERMANENT
from parley import paths

ROOT = paths.repository()
PAGE = ROOT / "web/src/call/problems.ts"

TOKEN_PATH = tuple(f"gateway/calls/{name}.py" for name in ("budgets", "door", "routes", "previews"))
"""What answers the page's requests; and what stands before every route."""
EVERY_ROUTE = ("gateway/errors.py", "gateway/body_limit.py", "gateway/same_site.py")
SPOKEN_AWAY = {"voice_not_ready"}
"""Of previews, which the page does not ask for then."""
RAW = re.compile(r"eyJ|grpc|http|wss?:|StatusCode", re.IGNORECASE)


def words_for(table: str) -> set[str]:
    """The codes that a table of the page has."""
    text = PAGE.read_text(encoding="utf-8")
    body = re.search(
        rf"const {table}: Readonly<Record<string, Words>> = {{\n(.*?)\n}};", text, re.S
    )
    assert body is not None
    return set(re.findall(r"^  (\w+):", body[1], re.M))


def calls(file: Path, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else None
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name in names:
                yield node


def constant(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def refusals(file: Path) -> Iterator[str]:
    for call in calls(file, "ApiError", "error_response"):
        if len(call.args) > 1 and (code := constant(call.args[1])) is not None:
            yield code
    for call in calls(file, "_unknown"):
        if (kind := constant(call.args[0])) is not None:
            yield f"unknown_{kind}"


def complaints() -> Iterator[tuple[str, str]]:
    """Code and message of what the agent tells; of a message that is made up, the fixed parts."""
    yield from problems._PROBLEMS.values()
    yield from PERMANENT.items()
    for folder, name in (("agent", "error"), ("dialogue", "Error")):
        for file in (ROOT / folder).rglob("*.py"):
            for call in calls(file, name):
                code = constant(call.args[0]) if call.args else None
                if code is not None and re.fullmatch(r"[a-z]+(_[a-z]+)+", code):  # no log line
                    texts = map(constant, ast.walk(ast.Tuple(call.args[1:])))
                    yield code, " ".join(text for text in texts if text)


@pytest.mark.parametrize("file", TOKEN_PATH + EVERY_ROUTE)
def test_every_refusal_of_a_call_has_words_for_visitors(file: str) -> None:
    codes = set(refusals(ROOT / file)) - SPOKEN_AWAY
    assert codes
    no_room = {"at_capacity", "no_agent"}  # noRoomProblem has them
    assert codes - no_room - words_for("REFUSALS") == set()


def test_every_complaint_of_the_agent_has_words_for_visitors() -> None:
    codes = {code for code, _ in complaints()}
    assert {"asr_unavailable", "engine_failed", "voice_unavailable", "too_many_messages"} <= codes
    assert codes - words_for("AGENT_ERRORS") == set()


def test_the_page_has_words_for_nothing_that_nobody_sends() -> None:
    sent = {code for file in TOKEN_PATH + EVERY_ROUTE for code in refusals(ROOT / file)}
    made_by_the_page = {"unreachable", "bad_answer"}
    assert words_for("REFUSALS") <= sent | made_by_the_page
    told = {code for code, _ in complaints()} | {
        "llm_unavailable",
        "model_refused",
        "recording_stopped",
    }
    assert words_for("AGENT_ERRORS") <= told


@pytest.mark.parametrize(("code", "message"), sorted(complaints()))
def test_what_the_agent_tells_people_is_no_program_talking(code: str, message: str) -> None:
    assert not RAW.search(message), code
