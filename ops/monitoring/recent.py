"""What has happened lately, from two scrapes of an agent's metrics."""

from collections import deque
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Scrape:
    """All samples of one scrape."""

    at_s: float
    samples: dict[Series, float]

    @classmethod
    def of(cls, text: str, *, at_s: float) -> "Scrape":
        """`text` in Prometheus' format."""
        found = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        return cls(at_s, found)

    def total(self, name: str, **labels: str) -> float:
        """The sum of the series of that name with these labels."""
        wanted = set(labels.items())
        return sum(
            value
            for (series, has), value in self.samples.items()
            if series == name and wanted <= has
        )


class Recent:
    """The scrapes of the last `window_s`; what is older counts as before."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._scrapes: deque[Scrape] = deque()

    def add(self, scrape: Scrape) -> None:
        self._scrapes.append(scrape)
        while scrape.at_s - self._scrapes[0].at_s > self._window_s:
            self._scrapes.popleft()

    @property
    def seconds(self) -> float:
        """How long the window is so far; 0 with one scrape."""
        return self._scrapes[-1].at_s - self._scrapes[0].at_s

    @property
    def now(self) -> Scrape:
        return self._scrapes[-1]

    def increase(self, name: str, **labels: str) -> float:
        """Of a counter, over the window; one that began anew counts from 0."""
        before, now = (each.total(name, **labels) for each in (self._scrapes[0], self.now))
        return now - before if now >= before else now

    def quantile_s(self, histogram: str, quantile: float, **labels: str) -> float | None:
        """Linear within a bucket, as Prometheus has it; None where nothing was observed.

        What lies above the last finite bound is told as that bound.
        """
        bounds = sorted(
            {
                float(dict(has)["le"])
                for (name, has) in self.now.samples
                if name == f"{histogram}_bucket" and set(labels.items()) <= has
            }
        )
        counts = [self._of_bound(histogram, bound, labels) for bound in bounds]
        if not counts or not counts[-1]:
            return None
        rank, below, lower = quantile * counts[-1], 0.0, 0.0
        for bound, cumulative in zip(bounds, counts, strict=True):
            if bound == float("inf"):
                break
            if cumulative >= rank:
                return lower + (rank - below) / (cumulative - below) * (bound - lower)
            below, lower = cumulative, bound
        return lower

    def _of_bound(self, histogram: str, bound: float, labels: dict[str, str]) -> float:
        name = f"{histogram}_bucket"
        wanted = set(labels.items())
        counts = [0.0, 0.0]
        for index, scrape in enumerate((self._scrapes[0], self.now)):
            for (series, has), value in scrape.samples.items():
                if series == name and wanted <= has and float(dict(has)["le"]) == bound:
                    counts[index] += value
        return counts[1] - counts[0] if counts[1] >= counts[0] else counts[1]
