"""`./run bench orchestrate`: its report."""

from bench.orchestrate import OrchestrateFigures


def test_stages_are_told_as_a_distribution() -> None:
    figures = OrchestrateFigures(sessions=1, turns=2, stages={"total_ms": [10.0, 30.0]})
    document = figures.document()
    assert document["stages"]["total_ms"]["p50"] == 20.0
    assert document["error_rate"] == 0.0
    assert figures.p95("llm_ms") is None
