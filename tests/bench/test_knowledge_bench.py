"""The benches of intents and retrieval: what they count, and that halves are halves."""

import pytest

from bench.intents import OURS, IntentScore, auc, promises_of
from bench.knowledge_data import KnowledgeQuestion, articles, clinc150
from bench.retrieval import file_name, place_of
from dialogue.retrieval.retriever import Passage


def test_clinc150_is_whole_and_its_parts_share_next_to_nothing() -> None:
    data = clinc150()
    assert {part: len(sentences) for part, sentences in data.items()} == {
        "train": 15_000,
        "val": 3_000,
        "test": 4_500,
        "oos_train": 100,
        "oos_val": 100,
        "oos_test": 1_000,
    }
    assert len({sentence.intent for sentence in data["train"]}) == 150
    train = {sentence.text for sentence in data["train"]}
    assert sum(sentence.text in train for sentence in data["test"]) <= 2


def test_no_article_is_of_both_halves_and_each_question_has_its_answer() -> None:
    halves = {half: {a.title for a in articles(half)} for half in ("tuning", "reported")}
    assert not halves["tuning"] & halves["reported"]
    assert all(len(titles) == 24 for titles in halves.values())
    for article in articles("tuning"):
        text = "\n".join(article.paragraphs)
        assert all(any(a in text for a in q.answers) for q in article.questions), article.title


@pytest.mark.parametrize(
    ("inside", "outside", "expected"),
    [([2, 3], [0, 1], 1.0), ([0, 1], [2, 3], 0.0), ([1], [1], 0.5), ([1, 3], [2, 0], 0.75)],
)
def test_auc_counts_pairs_in_the_right_order(
    inside: list[float], outside: list[float], expected: float
) -> None:
    assert auc(inside, outside) == expected


def test_what_could_not_be_measured_breaks_the_promise() -> None:
    plain = IntentScore("TF-IDF centroids", 0.8, 0.9, None, None, 0.1, 0.2)
    assert not any(promise.kept for promise in promises_of([plain]))
    ours = IntentScore(OURS, 0.97, 0.95, 0.9, 0.9, 10, 15)
    assert all(promise.kept for promise in promises_of([plain, ours]))


def test_a_passage_answers_if_it_is_of_the_article_and_holds_the_answer() -> None:
    question = KnowledgeQuestion("Who?", "Some Title (2)", ("Anna-Maria",))
    right = Passage("It was anna maria.", f"{file_name('Some Title (2)')}.md", 1.0)
    other = Passage("Anna-Maria", "Other.md", 1.0)
    assert place_of([other, right], question) == 2
    assert place_of([other], question) is None
