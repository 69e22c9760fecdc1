"""`./run call`: what it promises to a person, a program, and a script that reads its exit code."""

import asyncio
import json
import os
import re
import signal
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from rich.console import Console

from caller import client, conversation
from caller.conversation import Recording
from caller.errors import CallError
from cli.call import SpokenCall, main
from parley.audio import Audio, level_dbfs
from parley.discovery import StaticDiscovery
from parley.speech import RecognitionPool
from testkit.fake_recognizer import FakeRecognizer, recognizing
from tests.caller.fake_gateway import FakeGateway, serving
from tests.caller.livekit import LiveKit
from tests.caller.rooms import STARVED_S

UNUSED = "http://127.0.0.1:9"
TURN_FIELDS = [
    "file",
    "user_transcript",
    "agent_transcript",
    "response_ms",
    "response_at_arrival_ms",
    "filler",
    "stages",
    "reply_audio_s",
    "reply_asr",
]
SHORT_S = 0.4


def noise(length_s: float, rate: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    samples = np.random.default_rng(3).normal(0, 5000, round(length_s * rate))
    return samples.clip(-32767, 32767).astype(np.int16)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    file = tmp_path / "clip.flac"
    soundfile.write(file, noise(SHORT_S, 16000), 16000)
    return file


# ---- bad recordings: said before any room is joined -------------------------------------------


def wav(rate: int, data: bytes) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    chunk = struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(chunk), b"WAVE") + form + chunk


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no such file"),
        (b"", "not readable as audio"),
        (b"this is a text, not a sound\n" * 50, "not readable as audio"),
        (wav(0, b"\1\0" * 100), "Hz|not readable"),
        (wav(16000, b""), "holds no samples"),
        (wav(16000, b"\0" * 32000), "is silent"),
        (wav(16000, b"\1\0" * 16000), "is silent"),
    ],
    ids=["missing", "empty", "text", "0 Hz", "no samples", "silent", "nearly silent"],
)
def test_a_recording_that_cannot_be_spoken_is_named_before_any_call(
    tmp_path: Path,
    clip: Path,
    content: bytes | None,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "bad.wav"
    if content is not None:
        file.write_bytes(content)
    status = main([str(clip), str(file), "--json", "--gateway", UNUSED])
    report = json.loads(capsys.readouterr().out)
    assert status == 1
    assert report["turns"] == []
    assert str(file) in report["error"]
    assert re.search(complaint, report["error"]), report["error"]


def test_a_reply_that_could_not_be_saved_is_said_before_the_call(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "nowhere" / "reply.wav"
    assert main([str(clip), "--save", str(target), "--gateway", UNUSED]) == 1
    assert "no folder" in capsys.readouterr().err


def test_a_gateway_that_is_down_is_said_with_what_to_do(
    clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(clip), "--json", "--gateway", UNUSED]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["turns"] == []
    assert UNUSED in report["error"]
    assert "./run up" in report["error"]


def test_a_malformed_configuration_is_named_and_is_not_a_failed_call(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orchestrator.yaml").write_text("server:\n  prot: 1\n")
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(tmp_path))
    assert main([str(clip), "--json"]) == 2
    assert "server.prot" in json.loads(capsys.readouterr().out)["error"]


# ---- calls -------------------------------------------------------------------------------------


@pytest.fixture
async def gateway(livekit: LiveKit) -> AsyncIterator[FakeGateway]:
    async with serving(FakeGateway(livekit)) as wire:
        yield wire


async def call(
    folder: Path, *arguments: str, asr_address: str = "127.0.0.1:9"
) -> asyncio.subprocess.Process:
    settings = {"asr": {"worker_address": asr_address}}
    (folder / "orchestrator.yaml").write_text(yaml.safe_dump(settings))
    environment = os.environ | {"PARLEY_CONFIG_DIR": str(folder)}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "call", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.servers
async def test_every_turn_of_a_call_is_one_entry_of_the_one_document(
    gateway: FakeGateway, livekit: LiveKit, clip: Path, tmp_path: Path
) -> None:
    second, saved = tmp_path / "second.wav", tmp_path / "reply.wav"
    soundfile.write(second, np.stack([noise(SHORT_S, 44100)] * 2, axis=1), 44100)
    recognizer = FakeRecognizer("Noise, it was.")
    async with recognizing(recognizer) as address:
        process = await call(
            tmp_path,
            *(str(clip), str(second), "--json", "--save", str(saved)),
            *("--gateway", gateway.url, "--voice", "some-voice"),
            asr_address=address,
        )
        out, progress = await process.communicate()
    assert process.returncode == 0, progress.decode()
    report: dict[str, Any] = json.loads(out)
    assert list(report) == ["turns", "error"]
    assert report["error"] is None
    assert [turn["file"] for turn in report["turns"]] == [str(clip), str(second)]
    for turn in report["turns"]:
        assert list(turn) == TURN_FIELDS
        assert turn["user_transcript"] == gateway.understood
        assert turn["agent_transcript"] == gateway.answer
        assert turn["stages"]["endpointing_ms"] == 1
        assert turn["stages"]["tts_first_audio_ms"] == 4
        assert 1600 < turn["response_ms"] < 2500 + 1000 * STARVED_S
        assert SHORT_S - 0.1 < turn["reply_audio_s"] < SHORT_S + STARVED_S
        assert turn["reply_asr"] == "Noise, it was."
        recognized_s = recognizer.heard_s.pop(0)
        assert recognized_s == pytest.approx(turn["reply_audio_s"] + 0.2, abs=0.05)
    heard, rate = soundfile.read(saved, dtype="int16")
    replies_s = sum(turn["reply_audio_s"] + 0.2 for turn in report["turns"])
    assert len(heard) / rate == pytest.approx(replies_s + 0.5, abs=0.1)
    assert level_dbfs(heard) > -40
    assert b"turn 2" in progress
    assert gateway.wishes == [{"voice": "some-voice"}]
    assert await livekit.participants(gateway.rooms[0]) == {"agent-echo"}


@pytest.mark.servers
async def test_a_person_reads_what_was_understood_answered_and_heard(
    gateway: FakeGateway, clip: Path, tmp_path: Path
) -> None:
    async with recognizing(FakeRecognizer("noise it was")) as address:
        process = await call(tmp_path, str(clip), "--gateway", gateway.url, asr_address=address)
        out, _ = await process.communicate()
    assert process.returncode == 0
    text = out.decode()
    for part in ("a burst of noise", "noise it is", "ms  (endpointing 1", "dBFS", "word error 33%"):
        assert part in text


@pytest.mark.servers
async def test_an_interrupted_call_leaves_the_room_and_still_prints_its_document(
    gateway: FakeGateway, livekit: LiveKit, clip: Path, tmp_path: Path
) -> None:
    process = await call(tmp_path, str(clip), "--json", "--gateway", gateway.url)
    assert process.stderr is not None
    while b"turn 1" not in await process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, _ = await process.communicate()
    assert process.returncode == 130
    assert json.loads(out) == {"turns": [], "error": "the call was interrupted"}
    assert await livekit.participants(gateway.rooms[0]) == {"agent-echo"}


# ---- calls that fail: the turn and the reason are said ------------------------------------------


async def failure_of(
    gateway: FakeGateway, *, once_spoken: Callable[[], Awaitable[None]] | None = None
) -> str:
    """The error of a call of one turn; `once_spoken` runs when the agent hears the recording."""

    async def interfere() -> None:
        await gateway.speech_heard.wait()
        if once_spoken is not None:
            await once_spoken()

    under_way = SpokenCall(
        gateway_url=gateway.url,
        voice="",
        recognizers=RecognitionPool(StaticDiscovery("127.0.0.1:9")),
        language="en",
        status=Console(quiet=True).status(""),
    )
    recording = Recording("clip.wav", Audio(noise(2 * SHORT_S, 48000), 48000))
    interfering = asyncio.create_task(interfere())
    try:
        with pytest.raises(CallError) as raised:
            await under_way.make([recording])
    finally:
        interfering.cancel()
        await asyncio.gather(interfering, return_exceptions=True)
    return str(raised.value)


@pytest.mark.servers
async def test_a_refused_call_is_explained_in_the_gateways_words(gateway: FakeGateway) -> None:
    gateway.refusal = "there is no voice 'x'; there are: a, b"
    assert gateway.refusal in await failure_of(gateway)


@pytest.mark.servers
async def test_an_agent_that_does_not_come_is_missed(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "AGENT_TIMEOUT_S", 1.0)
    gateway.agent_delay_s = None
    assert "no agent joined the call within 1 s" in await failure_of(gateway)


@pytest.mark.servers
async def test_an_agent_that_answers_without_a_sound_did_not_answer(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "ANSWER_TIMEOUT_S", 4.0)
    gateway.gain = 0.0
    failure = await failure_of(gateway)
    assert failure.startswith("turn 1 (clip.wav): ")
    assert "'noise it is', but nothing audible" in failure


@pytest.mark.servers
async def test_an_agent_that_never_answers_is_said_with_what_it_understood(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "ANSWER_TIMEOUT_S", 4.0)
    gateway.gain, gateway.answer = 0.0, ""
    failure = await failure_of(gateway)
    assert "turn 1 (clip.wav): the agent did not answer within" in failure
    assert "'a burst of noise'" in failure


@pytest.mark.servers
async def test_a_room_that_is_lost_in_mid_turn_ends_the_call_at_once(
    gateway: FakeGateway, livekit: LiveKit
) -> None:
    async def put_out() -> None:
        await livekit.remove("caller-1", gateway.rooms[0])

    failure = await failure_of(gateway, once_spoken=put_out)
    assert failure == "turn 1 (clip.wav): the room was lost (participant removed)"


@pytest.mark.servers
async def test_an_agent_that_hangs_up_ends_the_call_at_once(gateway: FakeGateway) -> None:
    async def hang_up() -> None:
        await gateway.agents[0].room.disconnect()

    failure = await failure_of(gateway, once_spoken=hang_up)
    assert failure == "turn 1 (clip.wav): the agent left the call"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("model_unauthorized", "The language model refuses the key."),
        ("model_not_found", "The language model that is configured does not exist."),
        ("llm_unavailable", "The agent's language model does not answer right now."),
    ],
)
async def test_a_model_that_will_not_answer_ends_the_call_however_audible(
    gateway: FakeGateway, code: str, said: str
) -> None:
    failure = await failure_of(
        gateway,
        once_spoken=lambda: gateway.agents[0].fail(said, code=code, fatal=False),
    )
    assert failure.startswith(f"turn 1 (clip.wav): {said}")
    assert "./run doctor" in failure


@pytest.mark.servers
async def test_what_the_agent_says_went_wrong_is_passed_on(gateway: FakeGateway) -> None:
    failure = await failure_of(
        gateway, once_spoken=lambda: gateway.agents[0].fail("the language model is away")
    )
    assert failure == "turn 1 (clip.wav): the agent ended the call: the language model is away"
