"""Whatever comes to a speech worker: a status that says what is wrong, no failure, no leak."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.rpc.v1 import recognition_pb2 as heard_pb
from parley.rpc.v1 import recognition_pb2_grpc as heard_rpc
from parley.rpc.v1 import synthesis_pb2 as pb
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from tests.fuzzing import ServerLoop, fuzzed, junk_bytes, junk_text, server_loop
from tests.workers.listening import Running, listening
from tests.workers.speaking import VOICE, RunningService, hear, running_service
from tests.workers.test_asr_limits import PatientRecognizer
from workers.recognition.voice_activity import VoiceDetector
from workers.serving.durations import LONGEST_S, waiting_s

__all__ = ["fuzzed", "server_loop"]

pytestmark = pytest.mark.servers

WITHIN_S = 60.0
CLEAR = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}

uint32, uint64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
durations = st.builds(
    Duration,
    seconds=st.sampled_from([0, 1, -1, 315_576_000_001]) | st.integers(-(2**63), 2**63 - 1),
    nanos=st.just(0) | st.integers(-(2**31), 2**31 - 1),
)

Outcome = tuple[grpc.StatusCode, str]

_channels: dict[str, grpc.Channel] = {}


def outcome(call: Any) -> Outcome:
    """How it ended, once all that came of it has been read."""
    try:
        for _ in call:
            pass
    except grpc.RpcError as error:
        return _told(error)
    return grpc.StatusCode.OK, ""


def _told(error: Any) -> Outcome:
    return error.code(), error.details() or ""


def is_clear(ended: Outcome, sent: object) -> None:
    code, details = ended
    assert code in CLEAR, (code, details, sent)
    assert code is grpc.StatusCode.OK or details, sent
    assert "Traceback" not in details and "site-packages" not in details


def complained(caplog: pytest.LogCaptureFixture) -> list[str]:
    """In lines of ours: gRPC itself may tell of bytes that are no message."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.ERROR and not record.name.startswith("grpc")
    ]


@pytest.fixture(scope="module")
def speaking(server_loop: ServerLoop) -> Iterator[RunningService]:
    with server_loop.serving(running_service()) as service:
        yield service
        opened(service.address).close()


@pytest.fixture(scope="module")
def hearing(server_loop: ServerLoop) -> Iterator[Running]:
    with server_loop.serving(listening(PatientRecognizer(), VoiceDetector())) as service:
        yield service
        opened(service.target).close()


def opened(address: str) -> grpc.Channel:
    """Of a client that waits in this thread: what ends its call while it sends more is the
    worker's status."""
    if address not in _channels:
        _channels[address] = grpc.insecure_channel(address)
    return _channels[address]


def speech(service: RunningService) -> "rpc.SpeechSynthesisStub":
    return rpc.SpeechSynthesisStub(opened(service.address))


def _says(**fields: object) -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(**fields)  # type: ignore[arg-type]


def synthesis_requests() -> st.SearchStrategy[list[pb.SynthesizeRequest]]:
    opened = st.builds(
        pb.SynthesizeOpen,
        utterance_id=junk_text,
        session_id=junk_text,
        voice=st.sampled_from(["", VOICE]) | junk_text,
        sample_rate_hz=st.sampled_from([0, 8000, 16000, 48000]) | uint32,
        speed=st.sampled_from([0.0, 1.0, 2.0]) | st.floats(width=32),
        start_offset_samples=st.sampled_from([0, 1, 2400]) | uint64,
        seed=uint32,
        wait=durations,
    ).map(lambda open_: _says(open=open_))
    rest = st.one_of(
        junk_text.map(lambda text: _says(text=pb.SynthesizeText(text=text))),
        opened,
        st.just(_says(end=pb.SynthesizeEnd())),
        st.just(pb.SynthesizeRequest()),
    )
    return st.tuples(opened | rest, st.lists(rest, max_size=4)).map(
        lambda all_: [all_[0], *all_[1]]
    )


def test_fuzz_synthesis_says_what_is_wrong(
    server_loop: ServerLoop,
    speaking: RunningService,
    fuzzed: settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server_loop.run(hear(speaking.stub, "one"))
    tasks = server_loop.tasks()

    def ended(messages: Sequence[pb.SynthesizeRequest]) -> Outcome:
        return outcome(speech(speaking).Synthesize(iter(messages), timeout=WITHIN_S))

    @fuzzed
    @given(synthesis_requests())
    def attempt(messages: list[pb.SynthesizeRequest]) -> None:
        is_clear(ended(messages), messages)

    attempt()
    server_loop.run(speaking.slots.idle())
    assert len(server_loop.run(hear(speaking.stub, "one two")).words) == 2
    assert complained(caplog) == []
    server_loop.has_no_more_tasks_than(tasks)


def test_fuzz_of_voices_and_of_speech_that_runs(
    server_loop: ServerLoop,
    speaking: RunningService,
    fuzzed: settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    requests = st.one_of(
        st.builds(pb.LoadVoiceRequest, voice=junk_text),
        st.builds(pb.UnloadVoiceRequest, voice=junk_text),
        st.builds(
            pb.ControlSpeechRequest,
            session_id=junk_text,
            utterance_id=junk_text,
            action=st.integers(-(2**31), 2**31 - 1) | st.integers(0, 5),
        ),
    )
    calls = {
        pb.LoadVoiceRequest: "LoadVoice",
        pb.UnloadVoiceRequest: "UnloadVoice",
        pb.ControlSpeechRequest: "ControlSpeech",
    }

    def ended(request: object) -> Outcome:
        try:
            getattr(speech(speaking), calls[type(request)])(request, timeout=WITHIN_S)
        except grpc.RpcError as error:
            return _told(error)
        return grpc.StatusCode.OK, ""

    @fuzzed
    @given(requests)
    def attempt(request: object) -> None:
        is_clear(ended(request), request)

    attempt()
    assert complained(caplog) == []


def recognition_requests() -> st.SearchStrategy[list[heard_pb.RecognizeRequest]]:
    message = heard_pb.RecognizeRequest
    opened = st.builds(
        heard_pb.RecognizeOpen,
        session_id=junk_text,
        sample_rate_hz=st.sampled_from([16000, 8000, 48000]) | uint32,
        language=st.sampled_from(["", "en", "en-US"]) | junk_text,
        interim_results=st.booleans(),
        word_times=st.booleans(),
        hints=st.lists(junk_text, max_size=3),
        preflight_silence=st.just(Duration()) | durations,
        turn_sound=st.booleans(),
    ).map(lambda open_: message(open=open_))
    rest = st.one_of(
        st.builds(
            heard_pb.RecognizeAudio,
            pcm_s16le=st.binary(max_size=3000),
            traceparent=st.just("") | junk_text,
        ).map(lambda audio: message(audio=audio)),
        st.builds(heard_pb.RecognizeFlush, flush_id=uint64, within=durations).map(
            lambda flush: message(flush=flush)
        ),
        opened,
        st.just(message()),
    )
    return st.tuples(opened | rest, st.lists(rest, max_size=6)).map(
        lambda all_: [all_[0], *all_[1]]
    )


def test_fuzz_recognition_says_what_is_wrong(
    server_loop: ServerLoop,
    hearing: Running,
    fuzzed: settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stub = heard_rpc.SpeechRecognitionStub(opened(hearing.target))

    def ended(messages: Sequence[heard_pb.RecognizeRequest]) -> Outcome:
        return outcome(stub.Recognize(iter(messages), timeout=WITHIN_S))

    good = [heard_pb.RecognizeRequest(open=heard_pb.RecognizeOpen(sample_rate_hz=16000))]
    assert ended(good) == (grpc.StatusCode.OK, "")
    tasks = server_loop.tasks()

    @fuzzed
    @given(recognition_requests())
    def attempt(messages: list[heard_pb.RecognizeRequest]) -> None:
        is_clear(ended(messages), messages)

    attempt()
    server_loop.run(hearing.slots.idle())
    assert ended(good) == (grpc.StatusCode.OK, "")
    assert complained(caplog) == []
    server_loop.has_no_more_tasks_than(tasks)


def test_fuzz_bytes_that_are_no_message_end_their_own_call_alone(
    server_loop: ServerLoop,
    speaking: RunningService,
    fuzzed: settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def sent(method: str, messages: Sequence[bytes]) -> Outcome:
        called = f"/parley.rpc.v1.SpeechSynthesis/{method}"
        call = opened(speaking.address).stream_stream(called)
        # gRPC itself waits for the one message of a call that takes one.
        return outcome(call(iter(messages or [b""]), timeout=WITHIN_S))

    @fuzzed
    @given(
        st.sampled_from(["Synthesize", "LoadVoice", "Nothing"]), st.lists(junk_bytes, max_size=3)
    )
    def attempt(method: str, messages: list[bytes]) -> None:
        code, details = sent(method, messages)
        assert "Traceback" not in details
        assert method != "Synthesize" or code in CLEAR, (code, details, messages)

    attempt()
    server_loop.run(speaking.slots.idle())
    assert len(server_loop.run(hear(speaking.stub, "one")).words) == 1
    assert complained(caplog) == []


@pytest.mark.parametrize(
    ("seconds", "nanos", "means_s"),
    [
        (0, 0, 0.0),
        (2, 500_000_000, 2.5),
        (-5, 0, 0.0),
        (2**63 - 1, 2**31 - 1, LONGEST_S),
        (-(2**63), -(2**31), 0.0),
    ],
)
def test_a_duration_is_a_time_to_wait_whatever_its_numbers(
    seconds: int, nanos: int, means_s: float
) -> None:
    assert waiting_s(Duration(seconds=seconds, nanos=nanos)) == means_s
