"""The sets that intents and retrieval are measured on, as they lie beside this file.

`clinc150.tsv.gz` is CLINC150 (Larson and others, "An Evaluation Dataset for Intent Classification
and Out-of-Scope Prediction", EMNLP 2019; github.com/clinc/oos-eval, data_full.json at 828f809),
CC BY 3.0: 150 intents, each with 100 sentences to learn from, 20 to tune on and 30 to report,
and sentences that are none of them, in the same three parts.

`xquad_en.json.gz` is the English part of XQuAD (Artetxe and others, 2020; github.com/
google-deepmind/xquad at 7d30520), questions about 48 articles of Wikipedia taken from SQuAD 1.1,
CC BY-SA 4.0. Articles are halved: nothing is chosen by looking at those of the reported half.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

HALVES = ("tuning", "reported")
Half = Literal["tuning", "reported"]


@dataclass(frozen=True)
class LabeledSentence:
    text: str
    intent: str
    """"oos" for none."""


@dataclass(frozen=True)
class KnowledgeQuestion:
    """`answers`: texts one of which the passage that answers it holds."""

    text: str
    article: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Article:
    title: str
    half: Half
    paragraphs: tuple[str, ...]
    questions: tuple[KnowledgeQuestion, ...]


@cache
def clinc150() -> Mapping[str, Sequence[LabeledSentence]]:
    """By part: train, val, test, and the same with oos_ before them."""
    parts: dict[str, list[LabeledSentence]] = {}
    for line in _unpacked("clinc150.tsv.gz").splitlines():
        part, intent, text = line.split("\t")
        parts.setdefault(part, []).append(LabeledSentence(text, intent))
    return parts


@cache
def articles(half: Half) -> Sequence[Article]:
    read = json.loads(_unpacked("xquad_en.json.gz"))
    return [
        Article(
            title=each["title"],
            half=half,
            paragraphs=tuple(each["paragraphs"]),
            questions=tuple(
                KnowledgeQuestion(question["question"], each["title"], tuple(question["answers"]))
                for question in each["questions"]
            ),
        )
        for each in read
        if each["half"] == half
    ]


def _unpacked(name: str) -> str:
    return gzip.decompress((Path(__file__).parent / name).read_bytes()).decode()
