"""The checks of one answer that need no model: tools, words, latency."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cli.evaluation.file import Expected, ExpectedCall, Said
from cli.evaluation.report import CalledTool, Check, Status


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What the agent did in one answer. `first_s` as in TurnReport; `error`: why it failed."""

    said: str = ""
    tools: Sequence[CalledTool] = ()
    first_s: float | None = None
    error: str = ""


def plain_checks(expected: Expected, observed: Observed) -> Iterator[Check]:
    """Every check but that of the judge."""
    if observed.error:
        yield Check(name="answer", status="failed", detail=observed.error)
    if expected.tools is not None:
        yield from _tools(expected.tools, observed.tools)
    if expected.said is not None:
        yield from _said(expected.said, observed.said)
    if expected.within_s is not None:
        first = observed.first_s
        yield _check(
            f"within {expected.within_s:g} s",
            first is not None and first <= expected.within_s,
            "nothing came" if first is None else f"it took {first:.2f} s",
        )


def _tools(expected: Sequence[ExpectedCall], called: Sequence[CalledTool]) -> Iterator[Check]:
    told = ", ".join(_call(tool.name, tool.arguments) for tool in called) or "no tool"
    if not expected:
        yield _check("no tool", not called, f"called {told}")
        return
    left = list(called)
    for each in expected:
        place = next((n for n, tool in enumerate(left) if _is_so(each, tool)), None)
        name = _call(each.name, each.arguments) + (f" {each.outcome}" if each.outcome else "")
        yield _check(f"tool {name}", place is not None, f"called {told}")
        if place is not None:
            left = left[place + 1 :]


def _is_so(expected: ExpectedCall, called: CalledTool) -> bool:
    return (
        called.name == expected.name
        and expected.outcome in ("", called.outcome)
        and _holds(dict(expected.arguments), called.arguments)
    )


def _holds(expected: JsonValue, found: JsonValue) -> bool:
    """Whether all that is expected is found; a mapping may have more."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(key in found and _holds(value, found[key]) for key, value in expected.items())
    return expected == found and isinstance(expected, bool) == isinstance(found, bool)


def _said(expected: Said, text: str) -> Iterator[Check]:
    for word in expected.words:
        yield _check(f"says {word!r}", _has(text, word), f"said {text!r}")
    if expected.pattern:
        found = re.search(expected.pattern, text, re.IGNORECASE) is not None
        yield _check(f"says /{expected.pattern}/", found, f"said {text!r}")
    for word in expected.without:
        yield _check(f"does not say {word!r}", not _has(text, word), f"said {text!r}")


def _has(text: str, word: str) -> bool:
    """As whole words, whatever space is between them."""
    spaced = r"\s+".join(re.escape(part) for part in word.split())
    return re.search(rf"(?<!\w){spaced}(?!\w)", text, re.IGNORECASE) is not None


def _check(name: str, holds: bool, otherwise: str) -> Check:
    status: Status = "passed" if holds else "failed"
    return Check(name=name, status=status, detail="" if holds else otherwise)


def _call(name: str, arguments: Mapping[str, JsonValue]) -> str:
    given = ", ".join(
        f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items()
    )
    return f"{name}({given})" if given else name
