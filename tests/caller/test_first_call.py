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
