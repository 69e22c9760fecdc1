"""Who reads requests best: rules, the language model of the settings alone, or both together."""

import statistics
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from apps.shopping.requirement import RequirementSpec
from apps.shopping.understanding.agreeing import agreed
from apps.shopping.understanding.builder import SpecBuilder
from apps.shopping.understanding.rules import reading_of
from bench.shopping_check import Shelf, ShoppingRequest
from dialogue.language_model import AskedModel
from dialogue.model import build_client, build_model
from parley import LanguageModelError
from parley.clock import monotonic
from parley.settings import OrchestratorSettings

READERS = ("rules", "model", "both")


async def readers_judged(
    requests: Sequence[ShoppingRequest], settings: OrchestratorSettings, *, within_s: float
) -> dict[str, Any]:
    """What each reader makes of the requests, as one document; those that the model has not read
    within so many seconds are left out."""
    shelf, builder = Shelf(), SpecBuilder()
    client = build_client(settings)
    model = AskedModel(build_model(settings, client), fills_forms=True)
    told: dict[str, list[dict[str, Any]]] = {reader: [] for reader in READERS}
    took_s: list[float] = []
    faults: list[str] = []
    try:
        ends_s = monotonic() + within_s
        for request in requests:
            if monotonic() > ends_s:
                break
            reading = reading_of(request.text)
            began_s = monotonic()
            form: RequirementSpec | None = None
            try:
                form = await builder.form_of(request.text, model)
            except (LanguageModelError, ValidationError) as error:
                faults.append(str(error).splitlines()[0])
            took_s.append(monotonic() - began_s)
            specs = {
                "rules": reading.spec,
                "model": form or RequirementSpec(),
                "both": agreed(reading, form) if form is not None else reading.spec,
            }
            for reader, spec in specs.items():
                verdict = shelf.verdict(spec, request.expected)
                told[reader].append(
                    {
                        "request": request.text,
                        "dropped": list(verdict.dropped),
                        "finds_nothing": verdict.finds_nothing,
                        "left_out": verdict.left_out,
                        "spec": spec.model_dump(mode="json", exclude_defaults=True),
                    }
                )
    finally:
        await client.close()
    return {
        "benchmark": "shopping, readers",
        "model": settings.llm_model,
        "requests": len(took_s),
        "forms_that_are_none": len(faults),
        "faults": faults,
        "form_s": {
            "median": round(statistics.median(took_s), 3),
            "p95": round(sorted(took_s)[int(0.95 * (len(took_s) - 1))], 3),
        },
        "readers": {reader: _summary(each) for reader, each in told.items()},
        "told": told,
    }


def _summary(verdicts: Sequence[dict[str, Any]]) -> dict[str, float]:
    count = len(verdicts)
    return {
        "obeyed_share": round(sum(not each["dropped"] for each in verdicts) / count, 4),
        "requests_with_dropped_constraints": sum(bool(each["dropped"]) for each in verdicts),
        "nothing_though_offers_exist": sum(each["finds_nothing"] for each in verdicts),
        "left_out_share": round(sum(each["left_out"] for each in verdicts) / count, 4),
    }


def print_readers(console: Console, document: dict[str, Any]) -> None:
    console.print(
        f"{document['requests']} requests, model {document['model']}: a form takes "
        f"{document['form_s']['median']} s (p95 {document['form_s']['p95']}); forms that are none: "
        f"{document['forms_that_are_none']}"
    )
    table = Table("reader", "obeys all", "drops a constraint", "finds nothing", "leaves out")
    for reader, of_it in document["readers"].items():
        table.add_row(
            reader,
            f"{of_it['obeyed_share']:.1%}",
            str(of_it["requests_with_dropped_constraints"]),
            str(of_it["nothing_though_offers_exist"]),
            f"{of_it['left_out_share']:.1%}",
        )
    console.print(table)
    for reader, verdicts in document["told"].items():
        for each in verdicts:
            if each["dropped"] or each["finds_nothing"]:
                why = each["dropped"] or "finds nothing"
                console.print(f"  {reader}: {each['request']}: {why}", markup=False)
