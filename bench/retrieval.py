"""`./run bench retrieval`: whether the passage that answers a question is found, and how soon.

Questions about articles that nothing was tuned on, over an index of all articles of that half.
Beside ours, in the same run: full text alone (SQLite's FTS5, BM25), which is the fallback without
the model, and vectors alone.
"""

import asyncio
import json
import re
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.knowledge_data import HALVES, Article, KnowledgeQuestion, articles
from bench.machine import ForeignLoad, Machine
from bench.percentiles import percentile
from bench.promise import Promise, print_promises
from dialogue.embeddings.embedder import Embedder, open_embedder
from dialogue.retrieval.documents import DocumentFolder
from dialogue.retrieval.local import LocalRetriever
from dialogue.retrieval.retriever import Passage, Retriever
from dialogue.retrieval.sqlite_store import SqlitePassages
from parley.arguments import CommandParser

SHOWN = 4
"""Passages that a model is shown."""
DEEPEST = 10
P50_MS = 80.0
"""The target of intent and retrieval together."""
OURS, WORDS = "full text and vectors", "full text alone"


@dataclass(frozen=True)
class RetrievalScore:
    """Shares of the questions whose answer is in the first passage, and in one of the first four;
    `mrr`: the mean of one over the place of the first that holds it, among ten."""

    name: str
    first: float
    among_shown: float
    mrr: float
    ms_p50: float
    ms_p95: float


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    chosen = list(articles(options.half))[: options.articles]
    with ForeignLoad() as foreign, tempfile.TemporaryDirectory() as folder:
        scores, index = asyncio.run(_measured(chosen, Path(folder)))
    promises = promises_of(scores)
    document = {
        "benchmark": "retrieval",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign.percent,
        "half": options.half,
        "articles": len(chosen),
        "questions": sum(len(article.questions) for article in chosen),
        "index": index,
        "scores": [asdict(score) for score in scores],
        "among_shown_over_words": _ratio(scores),
        "promises": [promise.document() for promise in promises],
    }
    if options.json:
        print(json.dumps(document))
    else:
        _print(document, scores, promises)
    return 0 if all(promise.kept for promise in promises) else 1


def promises_of(scores: Sequence[RetrievalScore]) -> list[Promise]:
    ours = next((score for score in scores if score.name == OURS), None)
    return [
        Promise("among_shown_over_words", 1.0, _ratio(scores), at_least=True),
        Promise("p50_ms", P50_MS, None if ours is None else ours.ms_p50),
    ]


def place_of(passages: Sequence[Passage], question: KnowledgeQuestion) -> int | None:
    """Of the first passage of the question's article that holds an answer, from 1 on."""
    answers = [_plain(answer) for answer in question.answers]
    for place, passage in enumerate(passages, start=1):
        text = _plain(passage.text)
        of_article = passage.source == f"{file_name(question.article)}.md"
        if of_article and any(answer in text for answer in answers):
            return place
    return None


def file_name(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", title)


async def _measured(
    chosen: Sequence[Article], folder: Path
) -> tuple[list[RetrievalScore], dict[str, Any]]:
    documents = folder / "documents"
    documents.mkdir()
    for article in chosen:
        text = "\n\n".join(article.paragraphs)
        (documents / f"{file_name(article.title)}.md").write_text(text, encoding="utf-8")
    questions = [question for article in chosen for question in article.questions]
    embedder = await asyncio.to_thread(open_embedder, fetch=True)
    scores = []
    words = LocalRetriever(DocumentFolder(documents), SqlitePassages(folder / "words.db"), None)
    scores.append(await _scored(WORDS, words, questions))
    index = asdict(await words.stats())
    await words.aclose()
    if embedder is not None:
        ours = await _opened(documents, folder / "ours.db", embedder)
        scores.append(await _scored(OURS, ours, questions))
        index = asdict(await ours.stats())
        await ours.aclose()
        await embedder.aclose()
    return scores, {name: index[name] for name in ("documents", "passages", "build_s")}


async def _opened(documents: Path, file: Path, embedder: Embedder) -> LocalRetriever:
    retriever = LocalRetriever(DocumentFolder(documents), SqlitePassages(file), embedder)
    await retriever.query("ready?")
    return retriever


async def _scored(
    name: str, retriever: Retriever, questions: Sequence[KnowledgeQuestion]
) -> RetrievalScore:
    await retriever.query("ready?")
    took_ms, places = [], []
    for question in questions:
        began_s = perf_counter()
        passages = await retriever.query(question.text, DEEPEST)
        took_ms.append(1000 * (perf_counter() - began_s))
        places.append(place_of(passages, question))
    return RetrievalScore(
        name=name,
        first=round(statistics.fmean(place == 1 for place in places), 4),
        among_shown=round(
            statistics.fmean(place is not None and place <= SHOWN for place in places), 4
        ),
        mrr=round(float(np.mean([0.0 if place is None else 1 / place for place in places])), 4),
        ms_p50=percentile(took_ms, 50) or 0.0,
        ms_p95=percentile(took_ms, 95) or 0.0,
    )


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _ratio(scores: Sequence[RetrievalScore]) -> float | None:
    found = {score.name: score.among_shown for score in scores}
    return round(found[OURS] / found[WORDS], 3) if OURS in found and found[WORDS] else None


def _print(
    document: dict[str, Any], scores: Sequence[RetrievalScore], promises: Sequence[Promise]
) -> None:
    console, index = Console(), document["index"]
    shown = Table(
        title=f"{document['questions']:,} questions about {document['articles']} articles "
        f"({document['half']} half), {index['passages']:,} passages"
    )
    for column in ("", "first", f"first {SHOWN}", "MRR", "ms p50", "ms p95"):
        shown.add_column(column, justify="left" if not column else "right")
    for score in scores:
        cells = (score.first, score.among_shown, score.mrr)
        shown.add_row(
            score.name,
            *(f"{value:.3f}" for value in cells),
            f"{score.ms_p50:g}",
            f"{score.ms_p95:g}",
        )
    console.print(shown)
    machine = Machine.this()
    console.print(
        f"indexed in {index['build_s']:g} s; {machine.cores} cores, {machine.processor}; others "
        f"kept {document['foreign_load_percent']:.0f}% of them busy meanwhile"
    )
    print_promises(console, promises)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench retrieval", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--half", choices=HALVES, default="reported", help="tuning: what may be looked at"
    )
    parser.add_argument("--articles", type=positive, default=99, help="only the first so many")
    return parser
