"""The test that may be looked at daily; its figures: `./run bench experiments`."""

import math
import random

import pytest

from dialogue.experiments.experiment import ExperimentStatus
from dialogue.experiments.results import results_of
from dialogue.experiments.sequential import Tally, compare, ratio_p_value
from tests.dialogue.experiments.test_experiment import running, variant


def shown(exposed: int, converted: int) -> Tally:
    return Tally(exposed, converted, float(converted), float(converted))


def test_with_few_users_nothing_is_claimed() -> None:
    for control, treatment in ((shown(99, 0), shown(99, 99)), (shown(500, 0), shown(500, 9))):
        comparison = compare(control, treatment)
        assert (comparison.p_value, comparison.significant) == (1.0, False)
        assert math.isinf(comparison.low) and math.isinf(comparison.high)


def test_a_clear_difference_is_found_and_its_interval_leaves_zero_out() -> None:
    better = compare(shown(2_000, 200), shown(2_000, 300))
    assert better.significant and better.low > 0 and better.p_value < 0.001
    worse = compare(shown(2_000, 300), shown(2_000, 200))
    assert worse.significant and worse.high < 0
    assert worse.difference == pytest.approx(-0.05)


def test_significance_and_interval_say_the_same_at_every_size() -> None:
    for exposed in (100, 400, 1_600, 6_400, 25_600):
        for step in range(0, 20):
            treatment = shown(exposed, int(exposed * (0.1 + step / 200)))
            comparison = compare(shown(exposed, exposed // 10), treatment)
            assert comparison.significant == (comparison.low > 0 or comparison.high < 0)


def test_values_count_and_not_only_conversions() -> None:
    rolled = random.Random(5)

    def spent(mean: float) -> Tally:
        values = [rolled.expovariate(1 / mean) for _ in range(1_000)]
        return Tally(4_000, len(values), sum(values), sum(value * value for value in values))

    assert compare(spent(10.0), spent(16.0)).significant
    assert not compare(spent(10.0), spent(10.0)).significant


def test_users_who_are_not_shared_out_as_planned_are_noticed() -> None:
    assert ratio_p_value([5_000, 5_080], [0.5, 0.5]) > 0.2
    assert ratio_p_value([5_000, 5_600], [0.5, 0.5]) < 0.001
    assert ratio_p_value([2_000, 8_010], [0.2, 0.8]) > 0.2
    assert ratio_p_value([0, 0], [0.5, 0.5]) == 1.0
    assert ratio_p_value([100, 1], [1.0, 0.0]) == 0.0


def test_a_winner_is_named_only_where_the_test_allows_it() -> None:
    experiment = running()
    equal = results_of(experiment, {"plain": shown(2_000, 200), "warm": shown(2_000, 215)})
    assert (equal.winner, equal.why) == (None, "the difference may be chance")
    better = results_of(experiment, {"plain": shown(2_000, 200), "warm": shown(2_000, 300)})
    assert better.winner == "warm"
    worse = results_of(experiment, {"plain": shown(2_000, 300), "warm": shown(2_000, 200)})
    assert worse.winner == "plain"
    skewed = results_of(experiment, {"plain": shown(2_000, 200), "warm": shown(3_000, 450)})
    assert skewed.sample_ratio.mismatch and skewed.winner is None
    assert experiment.status is ExperimentStatus.RUNNING


def test_the_best_of_several_wins_and_the_control_only_over_all() -> None:
    experiment = running(
        variants=[variant("a", "control", 40), variant("b", "treatment", 30),
                  variant("c", "treatment", 30)]
    )  # fmt: skip
    found = {"a": shown(4_000, 400), "b": shown(3_000, 450), "c": shown(3_000, 520)}
    assert results_of(experiment, found).winner == "c"
    found |= {"b": shown(3_000, 150), "c": shown(3_000, 305)}
    assert results_of(experiment, found).winner is None
