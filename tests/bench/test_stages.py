"""`./run bench stages` judges medians, and a stage that was never measured is an error."""

from bench.dashboard_picture import written
from bench.stages import BLAMED, CAUSES, STAGES, StageSeconds


def samples(seconds: float, count: float, *, slow: tuple[str, ...] = ()) -> dict[str, float]:
    found = {}
    for stage, name in STAGES.items():
        metric, brace, labels = name.partition("{")
        found[f"{metric}_count{brace}{labels}"] = count
        extra = 0.3 if stage in slow else 0.0
        found[f"{metric}_sum{brace}{labels}"] = count * (seconds + extra)
    return found


def run_of(blame: dict[str, tuple[str, ...]]) -> StageSeconds:
    stages = StageSeconds()
    for cause in CAUSES:
        stages.add(cause, samples(0.0, 0), samples(0.2, 1, slow=blame.get(cause, ())))
    return stages


def test_each_promise_is_kept_where_the_slow_part_is_blamed_and_no_other() -> None:
    assert all(promise.kept for promise in run_of(dict(BLAMED)).promises())


def test_a_delay_that_shows_elsewhere_or_nowhere_breaks_a_promise() -> None:
    elsewhere = run_of(BLAMED | {"voice": ("tts_first_audio", "asr")})
    broken = [promise.name for promise in elsewhere.promises() if not promise.kept]
    assert broken == ["slow_voice_elsewhere_s"]
    nowhere = run_of(BLAMED | {"model": ()})
    broken = [promise.name for promise in nowhere.promises() if not promise.kept]
    assert broken == ["slow_model_shown_s"]


def test_values_are_written_in_their_unit() -> None:
    units = {"s": 0.0421, "percent": 99.5, "percentunit": 0.015, "bytes": 2.0**21, "ops": 0.25}
    assert [written(value, unit) for unit, value in units.items()] == [
        "42.1 ms",
        "99.5%",
        "1.5%",
        "2 MiB",
        "0.25/s",
    ]
