"""Scripted conversations: what is said of bad ones, and a good one in a real room."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from caller.script import read_script
from cli.call import main
from parley.errors import ConfigurationError
from testkit.sounds import burst
from tests.caller.fake_gateway import FakeGateway, serving
from tests.caller.livekit import LiveKit
from tests.caller.test_call import call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, length_s in (("question", 0.5), ("stop", 0.4)):
        clip = burst(length_s)
        soundfile.write(tmp_path / f"{name}.wav", clip.samples, clip.sample_rate_hz)
    return tmp_path


def script(folder: Path, text: str) -> Path:
    file = folder / "script.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("steps: [", r":1: not valid YAML"),
        ("- say: x", r":1: expected keys and values, found a list"),
        ("step: []", "a mapping with the one key `steps`"),
        ("steps: []", "at least one step"),
        ("steps:\n  - say: question.wav\n  - shout: x", r":3: step 2: .*'shout'.* is no step"),
        ("steps:\n  - question.wav", r":2: step 1: 'question.wav' is no step"),
        ("steps:\n  - say: nowhere.wav", r":2: step 1: .*nowhere.wav: no such file"),
        ("steps:\n  - wait: lunch", r":2: step 1: wait: .*'reply_begins'"),
        ("steps:\n  - silence_s: -1", r":2: step 1: silence_s: .*greater than 0"),
        (
            "steps:\n  - interrupt: {clip: stop.wav, after: 3}",
            r":2: step 1: interrupt.after: .*not permitted",
        ),
        (
            "steps:\n  - noise: {clip: stop.wav, dbfs: 20}",
            r":2: step 1: noise.dbfs: .*or equal to 0",
        ),
    ],
)
def test_a_bad_script_is_refused_with_its_line_and_step(
    folder: Path, text: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = script(folder, text)
    assert main(["--script", str(file), "--json", "--gateway", "http://127.0.0.1:9"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert str(file) in error
    assert re.search(complaint, error), error


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("steps: " + "[" * 5000, "nested too deeply"),
        ("steps: " + "{a: " * 5000, "nested too deeply"),
        ("steps: [" + "say: {" * 3000, "nested too deeply|not valid YAML"),
        ("steps:\n" + "  - shout: x\n" * 50_000, "larger than 256 KiB"),
        ("steps:\n  - say: " + "question" * 1000, r":2: step 1: .*(too long|no such file)"),
        ("steps:\n  - shout: " + "x" * 9000, r":2: step 1: .* is no step"),
        ("steps:\n  - say: &a question.wav\n  - say: *a", r":3: .*aliases"),
        ("steps:\n  - silence_s: 2026-02-30", r":2: .*cannot be read as timestamp"),
        ("steps:\n  - say: question.wav\n    say: stop.wav", r":3: key 'say' appears twice"),
        ("steps:\n  - noise: [null]", r":2: step 1: noise"),
        ("steps:\n  - ~", r":2: step 1: None is no step"),
    ],
)
def test_a_hostile_script_is_one_short_sentence(folder: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_script(script(folder, text))
    told = str(caught.value)
    assert re.search(complaint, told), told
    assert "\n" not in told and len(told) < 500 + len(str(folder))


def test_noise_may_end_before_any_began(folder: Path) -> None:
    (step,) = read_script(script(folder, "steps:\n  - noise: null"))
    assert (step.kind, step.clip_name) == ("noise", None)


def test_a_text_that_is_typed_may_hold_a_dollar_and_braces(folder: Path) -> None:
    (step,) = read_script(script(folder, 'steps:\n  - type: "it costs ${NOTHING}"'))
    assert step.step.model_dump() == {"type": "it costs ${NOTHING}"}


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.yaml: no such file"):
        read_script(tmp_path / "nothing.yaml")


def test_noise_is_brought_to_its_level(folder: Path) -> None:
    (step,) = read_script(script(folder, "steps:\n  - noise: {clip: stop.wav, dbfs: -40}"))
    assert step.clip.level_dbfs == pytest.approx(-40, abs=0.1)


@pytest.mark.parametrize(
    "arguments", [[], ["x.wav", "--script", "y.yaml"], ["x.wav", "--keep", "d"]]
)
def test_what_cannot_be_meant_is_no_call(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_the_example_of_the_documentation_can_be_performed() -> None:
    example = Path(__file__).parents[2] / "docs" / "scripts" / "interrupt.yaml"
    assert [step.kind for step in read_script(example)] == [
        "wait", "say", "wait", "murmur", "interrupt", "wait",
    ]  # fmt: skip


@pytest.fixture
async def gateway(livekit: LiveKit) -> AsyncIterator[FakeGateway]:
    async with serving(FakeGateway(livekit, agent_delay_s=1.5)) as wire:
        yield wire


SCRIPT = """
steps:
  - wait: greeting
  - noise: {clip: stop.wav, dbfs: -75}
  - say: question.wav
  - interrupt:
      clip: stop.wav
      after_ms: 150
  - wait: reply_ends
  - noise: null
  - type: Hello there.
  - silence_s: 0.5
"""


@pytest.mark.servers
async def test_a_script_is_performed_step_by_step_and_measured_on_its_recording(
    gateway: FakeGateway, folder: Path
) -> None:
    """The agent repeats everything 1.5 s later, so the interruption, too, is a reply."""
    kept = folder / "kept"
    process = await call(
        folder,
        *("--script", str(script(folder, SCRIPT)), "--json"),
        *("--keep", str(kept), "--gateway", gateway.url),
    )
    out, progress = await asyncio.wait_for(process.communicate(), 120)
    report: dict[str, Any] = json.loads(out)
    assert process.returncode == 0, (report, progress.decode())
    assert report["error"] is None
    say, interrupt = report["steps"]
    assert (say["kind"], say["line"], say["clip"]) == ("say", 5, "question.wav")
    assert 1000 < say["response_ms"] < 2500
    assert interrupt["kind"] == "interrupt" and interrupt["step"] == 4
    figures = interrupt["interruption"]
    assert 140 < figures["into_reply_ms"] < 400, "150 ms after the reply's first sound"
    assert figures["onset_to_silence_ms"] == pytest.approx(500 - figures["into_reply_ms"], abs=150)
    assert report["user_transcript"]
    both, rate = soundfile.read(kept / "call.flac", dtype="int16")
    timing = json.loads((kept / "call.json").read_text())
    assert rate == timing["sample_rate_hz"] == 48_000
    at = round(say["at_s"] * rate)
    assert abs(int(both[at : at + 480, 0].max())) > 1000, "the question is on the left"
    assert abs(int(both[at : at + 480, 1].max())) < 1000, "and not on the right"
    assert any(event["event"]["type"] == "turn" for event in timing["events"])
