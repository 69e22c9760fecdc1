"""`./run bench intents`: which intent a sentence is of, and whether it is any, on CLINC150.

Learns from the training part, and reports the test part, whose sentences nothing was fitted on.
Beside it, in the same run: the classifier by words alone, which is the fallback without the model,
and the plainest baseline, the cosine with each intent's TF-IDF centroid.
"""

import asyncio
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.knowledge_data import LabeledSentence, clinc150
from bench.machine import ForeignLoad, Machine
from bench.percentiles import percentile
from bench.promise import Promise, print_promises
from dialogue.embeddings.embedder import open_embedder
from dialogue.intents.catalog import DeclaredIntent, IntentCatalog
from dialogue.intents.classifier import Intent
from dialogue.intents.local import LocalClassifier
from dialogue.intents.words import WordModel
from parley.arguments import CommandParser

IN_SCOPE_RIGHT = 0.96
SCOPE_AUC = 0.94
P50_MS = 20.0
OURS, WORDS, BASELINE = "meaning and words", "words alone", "TF-IDF centroids"


@dataclass(frozen=True)
class IntentScore:
    """Of one classifier. `right`: of what is in scope, the share whose likeliest intent is the
    right one; `kept`: that is also taken to be in scope; `refused`: of what is not, the share
    that is taken for none. `auc`: that a sentence in scope has more confidence than one that is
    not. None: it has no threshold."""

    name: str
    right: float
    auc: float
    kept_right: float | None
    refused: float | None
    ms_p50: float
    ms_p95: float


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    data = clinc150()
    inside, outside = data[options.part][:: options.every], data[f"oos_{options.part}"]
    with ForeignLoad() as foreign:
        scores, learning_s = asyncio.run(
            _measured(data["train"], inside, outside[:: options.every], options.examples)
        )
    promises = promises_of(scores)
    document = {
        "benchmark": "intents",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign.percent,
        "part": options.part,
        "examples_per_intent": options.examples,
        "sentences": {"in_scope": len(inside), "out_of_scope": len(outside[:: options.every])},
        "learning_s": learning_s,
        "scores": [asdict(score) for score in scores],
        "right_over_baseline": _ratio(scores),
        "promises": [promise.document() for promise in promises],
    }
    if options.json:
        print(json.dumps(document))
    else:
        _print(document, scores, promises)
    return 0 if all(promise.kept for promise in promises) else 1


def promises_of(scores: Sequence[IntentScore]) -> list[Promise]:
    ours = next((score for score in scores if score.name == OURS), None)
    return [
        Promise(
            "in_scope_right", IN_SCOPE_RIGHT, None if ours is None else ours.right, at_least=True
        ),
        Promise("scope_auc", SCOPE_AUC, None if ours is None else ours.auc, at_least=True),
        Promise("p50_ms", P50_MS, None if ours is None else ours.ms_p50),
        Promise("right_over_baseline", 1.0, _ratio(scores), at_least=True),
    ]


def auc(inside: Sequence[float], outside: Sequence[float]) -> float:
    """The probability that one of `inside` is the larger; equal ones count half."""
    together = np.concatenate([inside, outside])
    values, places, counts = np.unique(together, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    assert len(values)
    total = ranks[places[: len(inside)]].sum()
    below = total - len(inside) * (len(inside) + 1) / 2
    return round(float(below / (len(inside) * len(outside))), 4)


async def _measured(
    train: Sequence[LabeledSentence],
    inside: Sequence[LabeledSentence],
    outside: Sequence[LabeledSentence],
    examples: int,
) -> tuple[list[IntentScore], float]:
    by_intent: dict[str, list[str]] = {}
    for sentence in train:
        texts = by_intent.setdefault(sentence.intent, [])
        if len(texts) < examples and sentence.text not in texts:
            texts.append(sentence.text)
    catalog = IntentCatalog.model_construct(
        intents={n: DeclaredIntent(examples=tuple(t)) for n, t in by_intent.items()},
        out_of_scope=(),
    )
    scores = [_baseline(by_intent, inside, outside)]
    words = LocalClassifier(catalog)
    scores.append(await _scored(WORDS, words, inside, outside))
    embedder = await asyncio.to_thread(open_embedder, fetch=True)
    began_s = perf_counter()
    if embedder is not None:
        ours = LocalClassifier(catalog, embedder)
        await ours.ready()
        learning_s = round(perf_counter() - began_s, 1)
        scores.append(await _scored(OURS, ours, inside, outside))
        await ours.aclose()
        await embedder.aclose()
    else:
        learning_s = 0.0
    return scores, learning_s


async def _scored(
    name: str,
    classifier: LocalClassifier,
    inside: Sequence[LabeledSentence],
    outside: Sequence[LabeledSentence],
) -> IntentScore:
    took_ms: list[float] = []

    async def told(sentence: LabeledSentence) -> Intent:
        began_s = perf_counter()
        intent = await classifier.classify(sentence.text)
        took_ms.append(1000 * (perf_counter() - began_s))
        return intent

    await told(inside[0])
    took_ms.clear()
    of_inside = [await told(sentence) for sentence in inside]
    of_outside = [await told(sentence) for sentence in outside]
    best = [i.name if i.in_scope else i.alternatives[0].name for i in of_inside]
    right = [name == sentence.intent for name, sentence in zip(best, inside, strict=True)]
    kept = [r and intent.in_scope for r, intent in zip(right, of_inside, strict=True)]
    return IntentScore(
        name=name,
        right=round(statistics.fmean(right), 4),
        auc=auc([i.confidence for i in of_inside], [i.confidence for i in of_outside]),
        kept_right=round(statistics.fmean(kept), 4),
        refused=round(statistics.fmean(not i.in_scope for i in of_outside), 4),
        ms_p50=percentile(took_ms, 50) or 0.0,
        ms_p95=percentile(took_ms, 95) or 0.0,
    )


def _baseline(
    by_intent: dict[str, list[str]],
    inside: Sequence[LabeledSentence],
    outside: Sequence[LabeledSentence],
) -> IntentScore:
    names = list(by_intent)
    texts = [text for name in names for text in by_intent[name]]
    labels = [label for label, name in enumerate(names) for _ in by_intent[name]]
    model = WordModel(texts, labels)
    took_ms, right, confident = [], [], []
    for sentence in inside:
        began_s = perf_counter()
        _, cosine = model.scores(sentence.text)
        took_ms.append(1000 * (perf_counter() - began_s))
        right.append(names[int(cosine.argmax())] == sentence.intent)
        confident.append(float(cosine.max()))
    others = [float(model.scores(sentence.text)[1].max()) for sentence in outside]
    return IntentScore(
        name=BASELINE,
        right=round(statistics.fmean(right), 4),
        auc=auc(confident, others),
        kept_right=None,
        refused=None,
        ms_p50=percentile(took_ms, 50) or 0.0,
        ms_p95=percentile(took_ms, 95) or 0.0,
    )


def _ratio(scores: Sequence[IntentScore]) -> float | None:
    right = {score.name: score.right for score in scores}
    return round(right[OURS] / right[BASELINE], 3) if OURS in right else None


def _print(
    document: dict[str, Any], scores: Sequence[IntentScore], promises: Sequence[Promise]
) -> None:
    console = Console()
    sentences = document["sentences"]
    shown = Table(
        title=f"CLINC150, part {document['part']}: {sentences['in_scope']:,} sentences in scope, "
        f"{sentences['out_of_scope']:,} out of it; learned from "
        f"{document['examples_per_intent']} examples of each of 150 intents"
    )
    for column in ("", "right", "AUC", "right and kept", "refused", "ms p50", "ms p95"):
        shown.add_column(column, justify="left" if not column else "right")
    for score in scores:
        cells = (score.right, score.auc, score.kept_right, score.refused)
        shown.add_row(
            score.name,
            *("–" if value is None else f"{value:.3f}" for value in cells),
            f"{score.ms_p50:g}",
            f"{score.ms_p95:g}",
        )
    console.print(shown)
    machine = Machine.this()
    console.print(
        f"learned in {document['learning_s']:g} s; {machine.cores} cores, {machine.processor}; "
        f"others kept {document['foreign_load_percent']:.0f}% of them busy meanwhile"
    )
    print_promises(console, promises)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench intents", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--part", choices=("val", "test"), default="test", help="val: what was tuned on"
    )
    parser.add_argument("--examples", type=positive, default=100, help="of each intent; up to 100")
    parser.add_argument("--every", type=positive, default=1, help="only each so manieth sentence")
    return parser
