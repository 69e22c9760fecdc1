"""`./run bench mind`: the local language models beside one another.

40 questions as people speak them, 10 that need a tool or must not have one, and fragments that ask
for nothing, each in a conversation of its own, as `./run chat` holds it, at temperature 0. Answers
are judged by accepted and refused words (bench/mind_questions.tsv, bench/mind_tools.tsv). `--write`
puts the tables into docs/mind.md.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench.machine import ForeignLoad, Machine
from bench.mind_trial import MindResult, tried
from bench.promise import Promise, print_promises
from parley import paths
from parley.arguments import CommandParser
from parley.errors import ParleyError
from parley.settings.orchestrator import LARGE_LLM, SMALL_LLM

PAGE = paths.repository() / "docs" / "mind.md"
PROMISED_RIGHT = 30
_MARK = "<!-- written by ./run bench mind --write -->\n"


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        with ForeignLoad() as foreign:
            results = [tried(model) for model in options.models]
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    best = max(_all_right(result)[0] for result in results)
    promise = Promise("questions_answered_right", PROMISED_RIGHT, best, at_least=True)
    if options.json:
        document = {
            "benchmark": "mind",
            "machine": asdict(Machine.this()),
            "foreign_load_percent": foreign.percent,
            "results": [asdict(result) for result in results],
            "promises": [promise.document()],
        }
        print(json.dumps(document))
    else:
        console = Console()
        text = f"{tables(results)}\nOthers kept the machine busy by {foreign.percent:.0f}%.\n"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        print_promises(console, [promise])
        if options.write:
            write(PAGE, text)
    return 0 if promise.kept else 1


def tables(results: Sequence[MindResult]) -> str:
    """The figures, then each answer; in Markdown."""
    kinds = list(dict.fromkeys(answer.kind for answer in results[0].answers))
    lines = [f"| | {' | '.join(result.model for result in results)} |"]
    lines.append("|---" * (len(results) + 1) + "|")

    def row(name: str, cells: Sequence[str]) -> None:
        lines.append(f"| {name} | {' | '.join(cells)} |")

    row("**all questions, right**", ["**{} of {}**".format(*_all_right(r)) for r in results])
    for kind in kinds:
        row(f"{kind}", ["{} of {}".format(*result.right(kind)) for result in results])
    row(
        "fragments refused",
        [f"{result.refused_fragments} of {result.fragments}" for result in results],
    )
    row(
        "first text, least / median",
        ["{:.0f} / {:.0f} ms".format(*result.first_text_ms) for result in results],
    )
    row("CPU time until then", [f"{result.first_text_cpu_ms:.0f} ms" for result in results])
    row("tokens per second", [f"{result.speed.tokens_per_s:g}" for result in results])
    row("CPU time of a token", [f"{result.speed.cpu_ms_per_token:g} ms" for result in results])
    row("memory", [f"{result.speed.memory_mb:,.0f} MB" for result in results])
    lines += ["", f"| question | {' | '.join(result.model for result in results)} |"]
    lines.append("|---" * (len(results) + 1) + "|")
    for answers in zip(*(result.answers for result in results), strict=True):
        cells = []
        for answer in answers:
            called = f"`{answer.called}` " if answer.called else ""
            said = f"{called}{answer.text}".replace("|", "/")
            cells.append(f"{'✓' if answer.is_right else '✗'} {said}")
        row(answers[0].question, cells)
    return "\n".join(lines) + "\n"


def write(page: Path, text: str) -> None:
    """Puts the text into the page, in place of what stands between its two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_MARK)
    after = rest.partition(_MARK)[2]
    page.write_text(f"{before}{_MARK}\n{text}\n{_MARK}{after}", encoding="utf-8")


def _all_right(result: MindResult) -> tuple[int, int]:
    """Without the tools."""
    plain = [answer.is_right for answer in result.answers if answer.kind != "tool"]
    return sum(plain), len(plain)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench mind", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--write", action="store_true", help="the tables into docs/mind.md")
    names = [LARGE_LLM, SMALL_LLM]
    parser.add_argument("--models", nargs="+", choices=names, default=names, metavar="NAME")
    return parser
