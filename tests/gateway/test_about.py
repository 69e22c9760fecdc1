"""What a visitor is told before a call, and that nothing of it is secret."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from parley.rpc.v1 import recognition_pb2_grpc, status_pb2
from parley.settings.orchestrator import (
    AgentSection,
    AsrSection,
    LlmSection,
    OrchestratorSettings,
    SessionsSection,
)
from parley.settings.record import RecordSection
from parley.settings.registry import ModelsSection, ProviderSection
from parley.settings.visitors import DEFAULT_QUESTIONS, VisitorsSection
from testkit.fake_llm import FakeLlm, llm_serving
from tests.gateway.conftest import API_SECRET, UNREACHABLE, Serve, settings_with, worker_with

LLM_KEY = "key-of-the-language-model"
SHOP = """
from parley import Agent
agent = Agent(instructions="You sell bicycles.", questions=["Do you have tandems?"], voice="amy")
"""


class ListeningStatus(recognition_pb2_grpc.SpeechRecognitionServicer):
    """A worker on the wire that says what it listens with, and nothing else."""

    async def GetStatus(  # noqa: N802
        self, request: status_pb2.GetStatusRequest, context: object
    ) -> status_pb2.GetStatusResponse:
        voices = [status_pb2.Voice(name="moonshine-base-en")]
        status = status_pb2.WorkerStatus(engine="moonshine", voices=voices)
        return status_pb2.GetStatusResponse(status=status)


def changed(settings: OrchestratorSettings, **sections: Any) -> OrchestratorSettings:
    return settings.model_copy(update=sections)


async def told(serve: Serve, settings: OrchestratorSettings, query: str = "") -> dict[str, Any]:
    async with serve(settings) as client:
        answer = await client.get(f"/api/about{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, Any] = answer.json()
    return document


async def test_who_hears_thinks_and_speaks_is_named_and_no_address_and_no_key(
    serve: Serve, worker: str
) -> None:
    status = ListeningStatus()  # type: ignore[abstract]  # the other calls are unimplemented
    recognizer = partial(recognition_pb2_grpc.add_SpeechRecognitionServicer_to_server, status)
    async with worker_with(recognizer) as ears, llm_serving(FakeLlm(models=["qwen"])) as mind:
        settings = changed(
            settings_with(workers=worker),
            asr=AsrSection(worker_address=ears),
            llm=LlmSection(base_url=mind, api_key=SecretStr(LLM_KEY)),
        )
        async with serve(settings) as client:
            answer = await client.get("/api/about")
        document = answer.json()
    ear, thinks, voice = (document[part] for part in ("ear", "mind", "voice"))
    assert ear == {"model": "moonshine-base-en", "engine": "moonshine", "here": True, "ok": True}
    assert thinks == {"model": "qwen", "engine": "", "here": True, "ok": True}
    assert voice == {"model": "joe", "engine": "piper", "here": True, "ok": True}
    assert document["status"] == "degraded"  # no LiveKit
    for secret in (LLM_KEY, API_SECRET, "127.0.0.1", worker, mind):
        assert secret not in answer.text


async def test_parts_that_are_away_are_told_as_away(serve: Serve) -> None:
    llm = LlmSection(base_url=f"http://{UNREACHABLE}/v1", model="gone")
    asr = AsrSection(worker_address=UNREACHABLE)
    document = await told(serve, changed(settings_with(), asr=asr, llm=llm))
    assert [document[part]["ok"] for part in ("ear", "mind", "voice")] == [False, False, False]
    assert document["mind"]["model"] == "gone"


async def test_a_model_server_that_tells_no_names_is_not_called_away(serve: Serve) -> None:
    async with llm_serving(FakeLlm(models=[])) as mind:
        known, unknown = f"{mind}", f"{mind}/nothing-here"
        told_none = LlmSection(base_url=known, api_key=SecretStr(LLM_KEY))
        no_list = LlmSection(base_url=unknown, api_key=SecretStr(LLM_KEY), model="ours")
        one = await told(serve, changed(settings_with(), llm=told_none))
        other = await told(serve, changed(settings_with(), llm=no_list))
    assert (one["mind"]["model"], one["mind"]["ok"]) == ("", True)
    assert (other["mind"]["model"], other["mind"]["ok"]) == ("ours", None)


async def test_where_nothing_listens_there_is_no_ear(serve: Serve) -> None:
    document = await told(serve, changed(settings_with(), asr=AsrSection(enabled=False)))
    assert document["ear"] is None


async def test_of_several_providers_the_first_is_named_and_nobody_is_asked(serve: Serve) -> None:
    provider = ProviderSection(api_key=SecretStr(LLM_KEY), models=("llama-9",))
    models = ModelsSection(providers={"groq": provider}, default_provider="groq")
    document = await told(serve, changed(settings_with(), models=models))
    assert document["mind"] == {"model": "llama-9", "engine": "groq", "here": False, "ok": None}


@pytest.mark.parametrize(
    ("sections", "kept"),
    [
        ({}, {"words_days": 30, "record": "", "record_days": 30}),
        (
            {
                "sessions": SessionsSection(store="memory"),
                "record": RecordSection(enabled=True, keep_days=7),
            },
            {"words_days": None, "record": "audio", "record_days": 7},
        ),
        (
            {
                "sessions": SessionsSection(keep_days=0),
                "record": RecordSection(enabled=True, audio=False),
            },
            {"words_days": 0, "record": "text", "record_days": 30},
        ),
    ],
)
async def test_what_is_kept_is_what_the_settings_say(
    serve: Serve, sections: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert (await told(serve, changed(settings_with(), **sections)))["kept"] == kept


async def test_the_usual_agent_has_the_settings_questions_and_characters(serve: Serve) -> None:
    document = await told(serve, settings_with())
    assert document["questions"] == list(DEFAULT_QUESTIONS)
    assert [each["name"] for each in document["characters"]] == [
        "tutor",
        "storyteller",
        "interviewer",
    ]
    assert document["characters"][0]["title"] == "English tutor"
    assert not document["instructions"]["allowed"]


async def test_instructions_are_told_only_where_they_may_be_written(serve: Serve) -> None:
    hidden = await told(serve, settings_with())
    visitors = VisitorsSection(may_instruct=True)
    shown = await told(serve, changed(settings_with(), visitors=visitors))
    assert {each["instructions"] for each in hidden["characters"]} == {""}
    assert hidden["instructions"]["usual"] == ""
    assert shown["instructions"]["usual"].startswith("You are Parley")
    assert all(each["instructions"].startswith("You are") for each in shown["characters"])


async def test_an_agent_with_instructions_of_its_own_keeps_them_and_asks_its_own_questions(
    serve: Serve, tmp_path: Path, worker: str
) -> None:
    file = tmp_path / "shop.py"
    file.write_text(SHOP, encoding="utf-8")
    settings = changed(
        settings_with(workers=worker),
        agent=AgentSection(apps={"shop": str(file)}),
        visitors=VisitorsSection(may_instruct=True),
    )
    document = await told(serve, settings, "?app=shop")
    assert document["questions"] == ["Do you have tandems?"]
    assert document["characters"] == []
    assert not document["instructions"]["allowed"]
    assert document["voice"]["model"] == "amy"


async def test_an_app_that_cannot_be_loaded_here_is_told_nothing_of(serve: Serve) -> None:
    settings = changed(settings_with(), agent=AgentSection(app="not_installed_here:agent"))
    document = await told(serve, settings)
    assert (document["questions"], document["characters"]) == ([], [])


async def test_there_is_nothing_to_tell_of_an_unknown_app(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        answer = await client.get("/api/about?app=nobody")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unknown_app")


async def test_english_defaults_are_not_offered_to_who_speaks_another_language(
    serve: Serve,
) -> None:
    document = await told(serve, changed(settings_with(), asr=AsrSection(language="de")))
    assert (document["questions"], document["characters"]) == ([], [])
