"""The whole of Parley, talked with by the commands that people type."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
import soundfile

from caller.intelligibility import word_error_rate
from ops.supervisor.stack import Stack
from testkit.otlp_receiver import OtlpReceiver

pytestmark = pytest.mark.e2e

QUESTION = "Can you please tell me in two sentences what people like about Paris?"


async def run(stack: Stack, *arguments: str) -> tuple[int | None, str, str]:
    """Exit code, standard output and standard error of `./run …` beside the stack."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", *arguments),
        env=os.environ | stack.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def question(stack: Stack, tmp_path: Path) -> Path:
    """A recording of the question, spoken by the workers themselves."""
    file = tmp_path / "question.wav"
    status, _, problems = await run(stack, "say", QUESTION, "--save", str(file))
    assert status == 0, problems
    assert soundfile.info(file).duration > 2
    return file


async def test_a_question_is_understood_and_its_answer_is_heard_as_it_was_meant(
    stack: Stack, question: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "reply.wav"
    status, out, problems = await run(
        stack, "call", str(question), str(question), "--json", "--save", str(saved)
    )
    assert status == 0, out + problems
    report = json.loads(out)
    assert report["error"] is None
    assert len(report["turns"]) == 2
    for turn in report["turns"]:
        assert word_error_rate(QUESTION, turn["user_transcript"]) < 0.25
        assert turn["agent_transcript"]
        assert turn["reply_audio_s"] > 0.3
        assert turn["response_ms"] > 0
        assert turn["stages"]["total_ms"] > 0
    # Of all turns together: one word of a short answer would be too much.
    said, heard = (
        " ".join(turn[key] for turn in report["turns"]) for key in ("agent_transcript", "reply_asr")
    )
    assert word_error_rate(said, heard) < 0.25, (said, heard)
    assert soundfile.info(saved).duration > report["turns"][0]["reply_audio_s"]


async def test_a_voice_that_does_not_exist_is_refused_by_both_commands(
    stack: Stack, question: Path
) -> None:
    for command in (("say", QUESTION), ("call", str(question))):
        status, out, _ = await run(stack, *command, "--voice", "nobody", "--json")
        assert status == 1
        error = json.loads(out)["error"]
        assert "'nobody'" in error
        assert stack.configuration.orchestrator.tts.default_model in error


async def test_one_trace_tells_of_a_turn_across_all_processes(
    stack: Stack, question: Path, traces: OtlpReceiver
) -> None:
    status, out, problems = await run(stack, "call", str(question), "--json")
    assert status == 0, out + problems
    names = ("turn", "response", "decode", "answer", "chat", "speak", "synthesize")
    turns = [span for span in traces.spans if span.name == "turn"]
    assert turns
    spans = traces.wait_for(*names, trace_id=turns[-1].trace_id)
    by_name = {span.name: span for span in spans}
    assert set(names) <= set(by_name)
    services = {name: by_name[name].service for name in names}
    assert {services.pop("decode"), services.pop("synthesize")} == {"parley-asr", "parley-tts"}
    assert set(services.values()) == {"parley-agent"}
    ids = {span.span_id: span for span in spans}
    turn = by_name["turn"]
    assert all(span is turn or span.parent_id in ids for span in spans), "a tree without gaps"
    assert not turn.parent_id and turn.attributes["parley.turn.spoken"] == "True"
    assert by_name["synthesize"].parent_id == by_name["speak"].span_id
    assert "first_audio" in by_name["synthesize"].events
    assert "first_token" in by_name["chat"].events
    response = by_name["response"]
    measured_s = json.loads(out)["turns"][-1]["stages"]["total_ms"] / 1000
    assert response.duration_s == pytest.approx(measured_s, abs=0.002)
    assert turn.began_at_s < response.began_at_s < response.ended_at_s < turn.ended_at_s


def test_no_trace_and_no_log_line_holds_what_was_said(stack: Stack, traces: OtlpReceiver) -> None:
    """Runs after the calls above, in which the question was asked."""
    told = repr(traces.spans)
    logs = {
        file.name: file.read_text() for file in (stack.configuration.state_dir / "logs").iterdir()
    }
    for word in ("Paris", "paris"):
        assert word not in told
        assert [name for name, text in logs.items() if word in text] == []


async def test_top_shows_what_callers_get(stack: Stack) -> None:
    status, out, problems = await run(stack, "top", "--once")
    assert status == 0, out + problems
    for shown in ("healthy", "response", "first audio", "decision_to_silence", "95% within 1500"):
        assert shown in out


async def test_top_says_that_no_agent_answers(stack: Stack) -> None:
    status, out, problems = await run(stack, "top", "--once", "--agent", "http://127.0.0.1:9")
    assert (status, out) == (1, "")
    assert "no agent answers at http://127.0.0.1:9" in problems
