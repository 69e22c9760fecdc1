"""Fits the constants of dialogue/intents on CLINC150's training and validation parts alone.

`python -m bench.intent_fit` prints, beside the constants in force, what the validation part says:
the share of right intents by WORDS_SHARE, for 100 and for 10 examples of each; the steepness and
the even point of each scope; and what each THRESHOLD keeps and refuses. The test part is not read.
"""

import asyncio
import sys
from collections.abc import Sequence

import numpy as np

from bench.intents import auc
from bench.knowledge_data import LabeledSentence, clinc150
from dialogue.embeddings.embedder import Embedder, open_embedder
from dialogue.embeddings.minilm import Vectors
from dialogue.intents.local import THRESHOLD, WORDS_SHARE
from dialogue.intents.meaning import MeaningModel
from dialogue.intents.words import WordModel

_STEPS = 50


def main() -> int:
    embedder = open_embedder(fetch=True)
    if embedder is None:
        return 1
    data = clinc150()
    inside, outside = data["val"], [*data["oos_val"], *data["oos_train"]]
    print(f"in force: WORDS_SHARE {WORDS_SHARE}, THRESHOLD {THRESHOLD}")
    vectors = _vectors(embedder, data["train"])
    of_inside, of_outside = _vectors(embedder, inside), _vectors(embedder, outside)
    for examples in (100, 10):
        _fit(examples, data["train"], vectors, (inside, of_inside), (outside, of_outside))
    asyncio.run(embedder.aclose())
    return 0


def _fit(
    examples: int,
    train: Sequence[LabeledSentence],
    vectors: Vectors,
    inside: tuple[Sequence[LabeledSentence], Vectors],
    outside: tuple[Sequence[LabeledSentence], Vectors],
) -> None:
    names = sorted({sentence.intent for sentence in train})
    kept, count = [], dict.fromkeys(names, 0)
    for place, sentence in enumerate(train):
        if count[sentence.intent] < examples:
            count[sentence.intent] += 1
            kept.append(place)
    labels = [names.index(train[place].intent) for place in kept]
    words = WordModel([train[place].text for place in kept], labels)
    meaning = MeaningModel(vectors[kept], labels)
    right = np.array([names.index(sentence.intent) for sentence in inside[0]])
    scored = []
    for sentences, of_sentences in (inside, outside):
        by_words = [words.scores(sentence.text) for sentence in sentences]
        by_meaning = [meaning.scores(vector) for vector in of_sentences]
        scored.append([np.stack(each) for each in (*zip(*by_words, strict=True),
                                                   *zip(*by_meaning, strict=True))])  # fmt: skip
    (word_in, word_cos_in, mean_in, cos_in), (word_out, word_cos_out, mean_out, cos_out) = scored
    print(f"\n{examples} examples of each intent, {len(right):,} sentences of the validation part")
    for tried in (0.0, 0.2, 0.3, 0.5):
        found = (mean_in + tried * word_in).argmax(axis=1) == right
        print(f"  WORDS_SHARE {tried}: right {found.mean():.4f}")
    share = np.float32(WORDS_SHARE)
    by_both = mean_in + share * word_in, mean_out + share * word_out
    _print_scope("meaning", by_both, (cos_in.max(axis=1), cos_out.max(axis=1)), right)
    of_words = word_cos_in.max(axis=1), word_cos_out.max(axis=1)
    _print_scope("words", (word_in, word_out), of_words, right)


def _print_scope(
    name: str,
    likelihoods: tuple[Vectors, Vectors],
    cosines: tuple[Vectors, Vectors],
    right: np.ndarray,
) -> None:
    steepness, even = _scope(*cosines)
    confident = [
        _share(each) / (1 + np.exp(steepness * (even - cosine)))
        for each, cosine in zip(likelihoods, cosines, strict=True)
    ]
    found = likelihoods[0].argmax(axis=1) == right
    area = auc(list(confident[0]), list(confident[1]))
    print(f"  scope by {name}: steepness {steepness:.1f}, even {even:.2f}, AUC {area:.4f}")
    for threshold in (0.15, 0.2, 0.25, 0.3, 0.4):
        kept = (found & (confident[0] >= threshold)).mean()
        refused = (confident[1] < threshold).mean()
        print(f"    THRESHOLD {threshold}: right and kept {kept:.4f}, refused {refused:.4f}")


def _scope(inside: Vectors, outside: Vectors) -> tuple[float, float]:
    """Logistic regression of one cosine, both sides weighing the same: steepness and middle."""
    x = np.concatenate([inside, outside]).astype(np.float64)
    target = np.concatenate([np.ones(len(inside)), np.zeros(len(outside))])
    weight = np.where(target > 0, 0.5 / len(inside), 0.5 / len(outside))
    features = np.stack([x, np.ones_like(x)])
    coefficients = np.array([10.0, -4.0])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(coefficients @ features)))
        slope = features @ (weight * (p - target))
        curvature = (features * (weight * p * (1 - p))) @ features.T
        coefficients -= np.linalg.solve(curvature + 1e-9 * np.eye(2), slope)
    return float(coefficients[0]), float(-coefficients[1] / coefficients[0])


def _share(likelihoods: Vectors) -> Vectors:
    odds = np.exp(likelihoods - likelihoods.max(axis=1, keepdims=True))
    best: Vectors = odds.max(axis=1) / odds.sum(axis=1)
    return best


def _vectors(embedder: Embedder, sentences: Sequence[LabeledSentence]) -> Vectors:
    return embedder.encode([sentence.text for sentence in sentences])


if __name__ == "__main__":
    sys.exit(main())
