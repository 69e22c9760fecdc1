"""Intents told in this process, from the catalog: by meaning and by words."""

import asyncio
import logging
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from dialogue.embeddings.embedder import Embedder, EmbeddingError
from dialogue.embeddings.minilm import Vectors
from dialogue.intents.catalog import IntentCatalog
from dialogue.intents.classifier import OUT_OF_SCOPE, Intent, IntentError, RankedIntent
from dialogue.intents.meaning import MeaningModel
from dialogue.intents.words import WordModel

ALTERNATIVES = 3
THRESHOLD = 0.25
"""Confidence below which a text is out of scope. Like the constants below fitted on the training
and validation parts of CLINC150 alone (bench/intent_fit.py); at this one a twelfth of what is out
of scope is taken for an intent, and a twenty-fifth of what is in scope for none."""
WORDS_SHARE = 0.3
"""Weight of the words' likelihood beside that of the meaning."""
_BATCH = 16
"""Examples embedded between two looks at whether the process ends."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Scope:
    """The probability that a text is in scope, by its cosine with the nearest centroid."""

    steepness: float
    even: float
    """The cosine at which it is as likely in scope as not."""

    def probability(self, cosine: float) -> float:
        return 1 / (1 + math.exp(self.steepness * (self.even - cosine)))


_BY_MEANING, _BY_WORDS = _Scope(21.0, 0.48), _Scope(19.4, 0.27)


class LocalClassifier:
    """Without an embedder, or until it has read the examples, it goes by words alone.

    Reads them from the first request on, or from `start`, in a thread of its own. Belongs to one
    event loop; `aclose` leaves the embedder to others.
    """

    def __init__(
        self,
        catalog: IntentCatalog,
        embedder: Embedder | None = None,
        *,
        threshold: float = THRESHOLD,
    ) -> None:
        self._names = tuple(catalog.intents)
        declared = catalog.intents.values()
        self._examples = [
            (example, label) for label, intent in enumerate(declared) for example in intent.examples
        ]
        # What is named as out of scope is one more intent to the models, with another name.
        self._examples += [(example, len(self._names)) for example in catalog.out_of_scope]
        self._embedder = embedder
        self._threshold = threshold
        self._words = WordModel([text for text, _ in self._examples], self._labels)
        self._meaning: MeaningModel | None = None
        self._reading: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intents")
        self._closed = False

    def start(self) -> None:
        """Begins to read the examples; needs a running event loop. Again: does nothing."""
        if self._embedder is not None and self._reading is None and self._examples:
            self._reading = asyncio.create_task(self._read(self._embedder), name="intents")

    async def ready(self) -> None:
        """Returns once texts are told by their meaning too, if they ever will be."""
        self.start()
        if self._reading is not None:
            await asyncio.wait({self._reading})

    async def classify(self, text: str) -> Intent:
        if not self._names:
            return Intent(OUT_OF_SCOPE, 0.0)
        if self._closed:
            raise IntentError("the classifier is closed")
        self.start()
        likelihood, cosine = self._words.scores(text)
        scope = _BY_WORDS
        if self._meaning is not None and self._embedder is not None:
            try:
                (vector,) = await self._embedder.embed([text])
            except EmbeddingError as error:
                _log.warning("an intent is told by words alone: %s", error)
            else:
                by_meaning, cosine = self._meaning.scores(vector)
                likelihood = by_meaning + WORDS_SHARE * likelihood
                scope = _BY_MEANING
        return self._judged(likelihood, scope.probability(float(cosine.max())))

    async def aclose(self) -> None:
        self._closed = True
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._thread.shutdown(wait=False)

    @property
    def _labels(self) -> Sequence[int]:
        return [label for _, label in self._examples]

    def _judged(self, likelihood: Vectors, in_scope: float) -> Intent:
        shares = np.exp(likelihood - likelihood.max())
        shares *= in_scope / shares.sum()
        best = np.argsort(-shares, kind="stable")[: ALTERNATIVES + 1]
        ranked = [
            RankedIntent(self._names[n], round(float(shares[n]), 4))
            for n in best
            if n < len(self._names)
        ]
        if int(best[0]) < len(self._names) and ranked[0].confidence >= self._threshold:
            first, *others = ranked
            return Intent(first.name, first.confidence, tuple(others))
        confidence = ranked[0].confidence if ranked else 0.0
        return Intent(OUT_OF_SCOPE, confidence, tuple(ranked[:ALTERNATIVES]))

    async def _read(self, embedder: Embedder) -> None:
        """What fails leaves the words, which do without."""
        loop = asyncio.get_running_loop()
        try:
            self._meaning = await loop.run_in_executor(self._thread, self._learned, embedder)
        except EmbeddingError as error:
            _log.warning("intents are told by words alone: %s", error)

    def _learned(self, embedder: Embedder) -> MeaningModel:
        texts = [text for text, _ in self._examples]
        vectors = []
        for begin in range(0, len(texts), _BATCH):
            if self._closed:
                raise EmbeddingError("the process ends")
            vectors.append(embedder.encode(texts[begin : begin + _BATCH]))
        return MeaningModel(np.concatenate(vectors), self._labels)
