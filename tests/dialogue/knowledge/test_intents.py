"""Intents: told from their examples, with or without the model, here or elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from dialogue.breakers.breaker import BreakerPolicy, Breakers
from dialogue.intents.catalog import IntentCatalog, load_catalog
from dialogue.intents.classifier import OUT_OF_SCOPE, IntentError
from dialogue.intents.local import LocalClassifier
from dialogue.intents.opening import open_intents
from dialogue.intents.remote import RemoteClassifier
from parley import paths
from parley.errors import ConfigurationError
from parley.settings.intents import IntentsSection
from tests.dialogue.knowledge.serving import serving
from tests.dialogue.knowledge.word_hash import WordHash, embedder

CATALOG = IntentCatalog.model_validate(
    {
        "intents": {
            "order": {
                "examples": ["where is my order", "track my parcel", "has my order been sent"],
                "instructions": "Ask for the number of the order.",
                "tools": ["order_status"],
            },
            "hours": {
                "examples": ["when do you open", "what are your opening hours", "are you open now"],
                "answer": "We are open from nine to six.",
            },
        },
    }
)


async def test_words_alone_tell_intents_apart_and_refuse_what_is_none() -> None:
    classifier = LocalClassifier(CATALOG)
    told = await classifier.classify("Where is my parcel?")
    assert told.name == "order"
    assert told.in_scope
    assert 0.25 <= told.confidence <= 1
    assert [each.name for each in told.alternatives] == ["hours"]
    other = await classifier.classify("the mitochondrion is the powerhouse of cells")
    assert other.name == OUT_OF_SCOPE
    assert not other.in_scope
    assert other.confidence < 0.25
    await classifier.aclose()


async def test_the_model_tells_them_once_it_has_read_the_examples_and_words_until_then() -> None:
    encoder = WordHash()
    encoder.may_go_on.clear()
    ours = embedder(encoder)
    classifier = LocalClassifier(CATALOG, ours)
    assert (await classifier.classify("track my order")).name == "order"
    encoder.may_go_on.set()
    await classifier.ready()
    assert (await classifier.classify("track my order")).name == "order"
    assert encoder.batches[-1] == ["track my order"]
    assert (await classifier.classify("green ideas sleep")).name == OUT_OF_SCOPE
    await classifier.aclose()
    await ours.aclose()


async def test_an_embedder_that_fails_leaves_the_words() -> None:
    ours = embedder()
    classifier = LocalClassifier(CATALOG, ours)
    await classifier.ready()
    await ours.aclose()
    assert (await classifier.classify("where is my order")).name == "order"
    await classifier.aclose()


async def test_what_is_declared_as_out_of_scope_is() -> None:
    said = "where is my order of the phoenix poster"
    catalog = CATALOG.model_copy(update={"out_of_scope": (said, "the phoenix poster")})
    classifier = LocalClassifier(catalog)
    told = await classifier.classify(said)
    assert told.name == OUT_OF_SCOPE
    assert told.alternatives[0].name == "order"
    await classifier.aclose()


async def test_the_same_examples_always_tell_the_same() -> None:
    confidences = set()
    for _ in range(2):
        ours = embedder()
        classifier = LocalClassifier(CATALOG, ours)
        await classifier.ready()
        confidences.add((await classifier.classify("are you open on sundays")).confidence)
        await classifier.aclose()
        await ours.aclose()
    assert len(confidences) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("intents:\n  a:\n    examples: []\n", "at least 1"),
        ("intents:\n  a:\n    examples: [x]\n    anwser: y\n", "unknown key"),
        ("intents:\n  out_of_scope:\n    examples: [x]\n", "cannot be called"),
        ("intents:\n  a:\n    examples: [x]\n  b:\n    examples: [X]\n", "of a and of b"),
        ("intents:\n  a:\n    examples: [x]\n    answer: y\n    tools: [z]\n", "an answer, or"),
    ],
)
def test_a_catalog_that_contradicts_itself_is_one_sentence(
    tmp_path: Path, text: str, expected: str
) -> None:
    file = tmp_path / "intents.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=expected) as error:
        load_catalog(file)
    assert str(file) in str(error.value)


def test_the_catalog_that_ships_is_right_and_gives_rules_by_name() -> None:
    catalog = load_catalog(paths.repository() / "configs" / "intents.yaml")
    assert all(len(intent.examples) >= 6 for intent in catalog.rules.values())
    assert "goodbye" in catalog.rules


def test_settings_that_name_no_intents_open_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_intents(IntentsSection(file=""), None) is None
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(tmp_path))
    assert open_intents(IntentsSection(), None) is None
    with pytest.raises(ConfigurationError, match="is not there"):
        open_intents(IntentsSection(file="nowhere.yaml"), None)


Told = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def test_a_service_elsewhere_is_asked_with_the_same_interface() -> None:
    asked: list[object] = []

    async def classify(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response(
            {
                "intent": "order",
                "confidence": 0.9,
                "alternatives": [{"intent": "hours", "confidence": 0.05}],
                "model": "of theirs",
            }
        )

    async with serving({"POST /api/v1/classify": classify}) as url:
        opened = open_intents(IntentsSection(url=url, file=""), None)
        assert opened is not None
        told = await opened.classifier.classify("where is it")
        await opened.classifier.aclose()
    assert asked == [{"text": "where is it"}]
    assert (told.name, told.confidence) == ("order", 0.9)
    assert told.alternatives[0].name == "hours"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<html>", "nonsense"),
        (200, b'{"intent": "a", "confidence": 7}', "confidence"),
        (404, b"", "status 404"),
        (500, b"", "status 500"),
    ],
)
async def test_a_service_that_answers_nonsense_is_an_error(
    status: int, body: bytes, expected: str
) -> None:
    async def classify(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    async with serving({"POST /api/v1/classify": classify}) as url:
        remote = RemoteClassifier(url)
        with pytest.raises(IntentError, match=expected):
            await remote.classify("hello")
        await remote.aclose()


async def test_a_service_that_fails_is_left_alone_by_its_breaker() -> None:
    asked = 0

    async def classify(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=503)

    breakers = Breakers(policy=BreakerPolicy(bad_calls=2, open_s=60))
    async with serving({"POST /api/v1/classify": classify}) as url:
        remote = RemoteClassifier(url, breaker=breakers.of("intents"))
        for _ in range(5):
            with pytest.raises(IntentError):
                await remote.classify("hello")
        await remote.aclose()
    assert asked == 2
    await breakers.aclose()


async def test_a_cancelled_question_leaves_nothing_behind() -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def classify(_: web.Request) -> web.Response:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        return web.Response()

    async with serving({"POST /api/v1/classify": classify}) as url:
        remote = RemoteClassifier(url, timeout_s=60)
        question = asyncio.create_task(remote.classify("hello"))
        async with asyncio.timeout(60):
            await asked.wait()
            question.cancel()
            await asyncio.gather(question, return_exceptions=True)
            await gone.wait()
        assert question.cancelled()
        await remote.aclose()
