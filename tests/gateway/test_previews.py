"""How a voice sounds, before a call speaks in it."""

import asyncio
import io

import pytest
import soundfile

from gateway.calls.previews import PER_MINUTE, SENTENCES, sentence
from gateway.calls.voices import VoiceListing
from testkit.fake_workers import VOICES_RATE_HZ, WORD_S, SpeechWorker, serving
from tests.gateway.conftest import Serve, settings_with


@pytest.fixture
def worker() -> SpeechWorker:
    return SpeechWorker(
        voices=("joe", "amy", "lessac"), remote={"lessac"}, languages={"amy": "de-DE"}
    )


async def test_a_voice_is_heard_in_its_language_and_spoken_once(
    serve: Serve, worker: SpeechWorker
) -> None:
    async with serving(worker) as target, serve(settings_with(workers=target)) as client:
        answers = await asyncio.gather(*(client.get("/api/voices/amy/preview") for _ in range(3)))
    first = answers[0]
    assert {answer.content for answer in answers} == {first.content}
    assert first.headers["content-type"] == "audio/wav"
    assert "max-age" in first.headers["cache-control"]
    samples, rate_hz = soundfile.read(io.BytesIO(first.content))
    assert rate_hz == VOICES_RATE_HZ
    assert len(samples) / rate_hz == pytest.approx(len(SENTENCES["de"].split()) * WORD_S)
    assert worker.texts == [SENTENCES["de"]]
    assert [opened.voice for opened in worker.opened] == ["amy"]


@pytest.mark.parametrize(
    ("voice", "status", "code"),
    [
        ("nobody", 404, "unknown_voice"),
        ("../token", 404, None),
        ("lessac", 409, "voice_not_ready"),
    ],
)
async def test_what_is_not_at_hand_is_not_spoken(
    serve: Serve, worker: SpeechWorker, voice: str, status: int, code: str | None
) -> None:
    settings_voices = ("lessac", "amy")
    async with (
        serving(worker) as target,
        serve(settings_with(workers=target, voices=settings_voices)) as client,
    ):
        answer = await client.get(f"/api/voices/{voice}/preview")
    assert answer.status_code == status
    assert code is None or answer.json()["error"]["code"] == code
    assert worker.opened == []
    assert worker.loaded == []


async def test_a_voice_that_cannot_be_spoken_is_no_cached_silence(
    serve: Serve, worker: SpeechWorker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.is_broken = True
    async with serving(worker) as target, serve(settings_with(workers=target)) as client:
        answer = await client.get("/api/voices/joe/preview")
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "speech_unavailable"
        assert "127.0.0.1" not in answer.text
        assert "joe" in caplog.text
        worker.is_broken = False
        assert (await client.get("/api/voices/joe/preview")).status_code == 200


async def test_one_address_hears_so_many_a_minute(serve: Serve, worker: SpeechWorker) -> None:
    async with serving(worker) as target, serve(settings_with(workers=target)) as client:
        for _ in range(PER_MINUTE):
            assert (await client.get("/api/voices/joe/preview")).status_code == 200
        refused = await client.get("/api/voices/joe/preview")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("languages", "spoken"),
    [(("de-DE",), "de"), (("pt_BR",), "pt"), (("en",), "en"), ((), "en"), (("ar-JO",), "en")],
)
def test_a_language_without_a_sentence_hears_the_english_one(
    languages: tuple[str, ...], spoken: str
) -> None:
    listing = VoiceListing(
        name="v",
        engine="e",
        languages=languages,
        sample_rate_hz=VOICES_RATE_HZ,
        license="",
        ready=True,
        default=False,
    )
    assert sentence(listing) == SENTENCES[spoken]
