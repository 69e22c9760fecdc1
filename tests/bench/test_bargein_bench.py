"""What the barge-in and history benches plan, judge and promise."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import soundfile

from bench import bargein, history
from bench.bargein import promises_of
from bench.history import Remembered
from bench.interrupting_call import Moment, plan
from bench.interrupting_clips import LONGEST_S, first_words, interrupting_clips
from bench.interruptions import KEPT_FILE, InterruptionsRun, Record, write_kept
from bench.loopback import Loopback
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.interruption import Interruption, Outcome
from parley.audio import Audio
from parley.errors import ConfigurationError
from testkit.sounds import burst
from testkit.told_scripts import LONG, SCRIPTS, SHORT, ToldScripts, opening


def measured(
    *, silence_ms: float = 150, decision_ms: float = 5, stale_ms: float = 0, outcome: Outcome
) -> Interruption:
    return Interruption(
        at_s=1.0,
        outcome=outcome,
        into_reply_ms=500,
        onset_to_duck_ms=100,
        onset_to_duck_told_ms=100,
        onset_to_decision_ms=90,
        onset_to_silence_ms=silence_ms,
        decision_to_silence_at_ear_ms=60 + decision_ms,
        decision_to_silence_ms=decision_ms,
        downlink_ms=60,
        steady=True,
        talk_over_ms=100,
        residual_dbfs=-90,
        stale_ms=stale_ms,
        heard="Tides follow ",
    )


def record(moment: Moment = "anywhere", **figures: Any) -> Record:
    empty = np.zeros(480, dtype=np.int16)
    return Record(
        call=1,
        moment=moment,
        script=SHORT[0],
        clip="a.wav",
        aimed_after_ms=500,
        measured=measured(**{"outcome": "yielded", **figures}),
        reply=CallRecording(empty, empty, 0.0, 0.0),
    )


def good_run() -> InterruptionsRun:
    moments: list[Moment] = ["first 300 ms", "last 200 ms", "anywhere", "anywhere", "anywhere"]
    return InterruptionsRun(records=[record(moment) for moment in moments * 4])


def broken(run: InterruptionsRun) -> set[str]:
    return {promise.name for promise in promises_of(run, 20) if not promise.kept}


def test_a_run_that_keeps_everything_keeps_its_promises() -> None:
    assert broken(good_run()) == set()


@pytest.mark.parametrize(
    ("figures", "promise"),
    [
        ({"decision_ms": 80.0}, "decision_to_silence_p99_ms"),
        ({"stale_ms": 40.0}, "replies_with_stale_audio"),
        ({"outcome": "missed", "silence_ms": 3000.0}, "yielded_or_ended_share"),
        ({"silence_ms": 900.0}, "onset_to_silence_p95_ms"),
    ],
)
def test_one_in_ten_that_goes_wrong_breaks_a_promise(figures: dict[str, Any], promise: str) -> None:
    run = good_run()
    run.records[:2] = [record("first 300 ms", **figures), record("last 200 ms", **figures)]
    assert promise in broken(run)


def test_what_was_not_measured_is_not_kept() -> None:
    assert len(broken(InterruptionsRun())) == 11


def test_a_median_before_the_decision_is_the_instruments_error_or_breaks_a_promise() -> None:
    early = InterruptionsRun(records=[record(decision_ms=-8.0)] * 20)
    assert "not_silent_before_the_decision_ms" in broken(early)
    early.loopback = Loopback((60.0,) * 20, tuple(60.0 + step for step in range(0, 40, 2)))
    assert early.loopback.error_ms > 8
    assert "not_silent_before_the_decision_ms" not in broken(early)


def test_interruptions_fall_into_the_first_and_the_last_moments_too() -> None:
    clips = [first_words("a", burst(2.0))]
    lengths_s = dict.fromkeys(SCRIPTS, 2.0)
    planned = plan(200, clips, lengths_s, random=Random(1))
    assert Counter(each.moment for each in planned) == {
        "first 300 ms": 40,
        "anywhere": 120,
        "last 200 ms": 40,
    }
    for each in planned:
        match each.moment:
            case "first 300 ms":
                assert 0 <= each.after_s <= 0.3
            case "last 200 ms":
                assert 1.8 <= each.after_s <= 2.0 and each.script in SHORT
            case "anywhere":
                assert 0.3 <= each.after_s <= 1.8 and each.script in LONG


def test_a_clip_begins_with_its_first_sound_and_is_short(tmp_path: Path) -> None:
    quiet = np.zeros(24_000, dtype=np.int16)
    led = Audio(np.concatenate([quiet, burst(5.0).samples]), SAMPLE_RATE_HZ)
    clip = first_words("a", led)
    assert clip.audio.duration_s <= LONGEST_S
    assert abs(int(np.abs(clip.audio.samples[: clip.onset]).max(initial=0))) < 100
    assert np.abs(clip.audio.samples[clip.onset : clip.onset + 100]).max() > 500
    with pytest.raises(ConfigurationError, match="--clips"):
        interrupting_clips(tmp_path)
    assert bargein.main(["--clips", str(tmp_path)]) == 2


async def test_each_call_is_told_the_script_that_was_set_for_it() -> None:
    model = ToldScripts(next={3: SHORT[1]})
    async with model.serving() as url:
        import aiohttp  # noqa: PLC0415

        body = {"stream": True, "messages": [{"role": "user", "content": opening(3)}]}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}/chat/completions", json=body) as response,
        ):
            lines = (await response.text()).splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert "".join(c["choices"][0]["delta"]["content"] for c in chunks) == SHORT[1]
    assert model.asked[0][0] == 3


def test_a_kept_run_is_judged_again_without_another_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_kept(InterruptionsRun(records=[record()] * 3, asked=["Tides follow "]), tmp_path)
    assert soundfile.info(tmp_path / "003.flac").channels == 2
    assert len(json.loads((tmp_path / KEPT_FILE).read_text())["interruptions"]) == 3
    monkeypatch.setattr(history, "_recognizer", lambda: lambda samples, script: "Tides follow the")
    plot = tmp_path / "plot.svg"
    arguments = ["--from", str(tmp_path), "--interruptions", "3", "--json", "--plot", str(plot)]
    assert history.main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["words_off"] == {"-1": 3}
    assert document["within_a_word_share"] == 1.0
    assert document["shown_to_model"] == 3
    assert "<svg" in plot.read_text()


def test_a_history_two_words_off_breaks_its_promise() -> None:
    def remembered(kept_words: int) -> Remembered:
        return Remembered("1.flac", "anywhere", SHORT[0], "", "", kept_words, 3, True)

    assert all(p.kept for p in history.promises_of([remembered(4)] * 5, over=5))
    assert not all(p.kept for p in history.promises_of([remembered(5)] * 5, over=5))
    assert not all(p.kept for p in history.promises_of([remembered(3)], over=5))


def test_a_folder_without_a_run_is_bad_input(tmp_path: Path) -> None:
    assert history.main(["--from", str(tmp_path)]) == 2
