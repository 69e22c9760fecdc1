"""A process is killed between any two steps of a turn: it is gone on with, nothing done twice."""

import asyncio
import multiprocessing
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from dialogue.checkpoints.pipelines import Pipelines
from dialogue.checkpoints.recovery import Opened, keep_recovering, recover
from dialogue.checkpoints.sql import SqlCheckpoints
from dialogue.checkpoints.store import PipelineHeldError, PipelineNotFoundError
from dialogue.conversation import Conversation
from dialogue.model import build_client, build_model
from dialogue.resources import Resources
from dialogue.sessions.sql import SqlStore
from dialogue.sessions.store import SessionRecord, SessionStoreError
from dialogue.unfinished import CUT_OFF
from parley.app.session import AgentSaid, PersonSaid, ToolCalled
from parley.background import background
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer, ScriptedToolCall, llm_serving
from tests.dialogue.checkpoints import dying
from tests.dialogue.checkpoints.dying import LEASE_S, PATIENT_S, TURN, shop
from tests.dialogue.conversing import INSTRUCTIONS, of, settings

ENOUGH_S = 60.0
STEPS = ("begun", "model", "tool begun", "tool ended", "model again", "ended")


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.BaseContext:
    """Made by a server that has imported everything once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.dialogue.checkpoints.dying"])
    return context


def model(messages: Messages) -> ScriptedAnswer:
    last = messages[-1]
    if last["role"] == "tool":
        return ScriptedAnswer(text=f"Result: {last['content']}")
    return ScriptedAnswer(calls=(ScriptedToolCall("order", {"what": "bell"}),))


async def killed(
    processes: multiprocessing.context.BaseContext,
    folder: Path,
    url: str,
    *,
    after: int = 99,
    dies_in_tool: bool = False,
) -> None:
    process = processes.Process(  # type: ignore[attr-defined]
        target=dying.answer, args=(folder, url, after, dies_in_tool)
    )
    process.start()
    await asyncio.to_thread(process.join, ENOUGH_S)
    assert process.exitcode == -signal.SIGKILL


def conversations(folder: Path, url: str, pipelines: Pipelines) -> Opened:
    @asynccontextmanager
    async def opened(session_id: str) -> AsyncGenerator[Conversation]:
        client = build_client(settings(url))
        store = SqlStore(folder / "sessions.db", timeout_s=PATIENT_S)
        conversation = await Conversation.open(
            store,
            SessionRecord(id=session_id, channel="text", began_at_s=time.time()),
            shop(folder / "effects"),
            Resources(
                model=build_model(settings(url), client),
                instructions=INSTRUCTIONS,
                pipelines=pipelines,
            ),
        )
        yield conversation
        await conversation.aclose()
        await store.aclose()
        await client.close()

    return opened


async def recovered(folder: Path, url: str) -> tuple[str, list[object]]:
    """The answer, and the session's log."""
    checkpoints = SqlCheckpoints(folder / "operations.db", timeout_s=PATIENT_S)
    pipelines = Pipelines(checkpoints, lease_s=LEASE_S)
    opened = conversations(folder, url, pipelines)
    async with asyncio.timeout(ENOUGH_S), pipelines.running():
        while True:
            try:
                answer = await recover(pipelines, TURN, opened)
                break
            except PipelineHeldError:  # until the lease of the dead has run out
                await asyncio.sleep(LEASE_S / 4)
        async with opened("s1") as conversation:
            entries: list[object] = list(conversation.session.log.entries)
    await checkpoints.aclose()
    return answer, entries


def effects(folder: Path) -> list[str]:
    file = folder / "effects"
    return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize("after", range(1, len(STEPS) + 1), ids=STEPS)
async def test_killed_after_each_step_it_goes_on_and_does_nothing_twice(
    processes: multiprocessing.context.BaseContext, tmp_path: Path, after: int
) -> None:
    llm = FakeLlm(model)
    async with llm_serving(llm) as url:
        await killed(processes, tmp_path, url, after=after)
        asked = len(llm.requests)
        answer, entries = await recovered(tmp_path, url)
    was_cut_off = STEPS[after - 1] == "tool begun"
    assert effects(tmp_path) == ([] if was_cut_off else ["bell"])
    if was_cut_off:  # nobody can know that nothing was done
        assert CUT_OFF in answer
    else:
        assert answer == "Result: ordered bell"
    assert [said.text for said in of(entries, PersonSaid)] == ["Order a bell."]
    assert of(entries, AgentSaid)[-1].text == answer
    assert len({call.call_id for call in of(entries, ToolCalled)}) == 1
    saved_answers = {"begun": 0, "model again": 2, "ended": 2}.get(STEPS[after - 1], 1)
    assert len(llm.requests) - asked == 2 - saved_answers, "what the model had said is not asked"


async def test_killed_within_a_tool_it_says_so_and_does_it_not_again(
    processes: multiprocessing.context.BaseContext, tmp_path: Path
) -> None:
    async with llm_serving(FakeLlm(model)) as url:
        await killed(processes, tmp_path, url, dies_in_tool=True)
        answer, _ = await recovered(tmp_path, url)
    assert effects(tmp_path) == ["bell"]
    assert CUT_OFF in answer


async def test_a_restart_takes_over_what_is_abandoned_and_once(
    processes: multiprocessing.context.BaseContext, tmp_path: Path
) -> None:
    async with llm_serving(FakeLlm(model)) as url:
        await killed(processes, tmp_path, url, after=2)
        checkpoints = SqlCheckpoints(tmp_path / "operations.db", timeout_s=PATIENT_S)
        several = [Pipelines(checkpoints, lease_s=LEASE_S) for _ in range(3)]
        async with asyncio.timeout(ENOUGH_S):
            async with (
                background(_keep(several[0], tmp_path, url), name="one"),
                background(_keep(several[1], tmp_path, url), name="two"),
                background(_keep(several[2], tmp_path, url), name="three"),
            ):
                await done(checkpoints)
        await checkpoints.aclose()
    assert effects(tmp_path) == ["bell"]


async def done(checkpoints: SqlCheckpoints) -> None:
    """Returns once the turn is: another process does it."""
    while True:
        saved = await checkpoints.load(TURN)
        if saved is not None and saved.record.status == "done":
            return
        await asyncio.sleep(0.02)


async def _keep(pipelines: Pipelines, folder: Path, url: str) -> None:
    opened = conversations(folder, url, pipelines)
    async with pipelines.running():
        await keep_recovering(pipelines, opened, keep_s=3600.0, every_s=0.05)


async def test_what_cannot_be_opened_is_left_to_others(
    processes: multiprocessing.context.BaseContext, tmp_path: Path
) -> None:
    @asynccontextmanager
    async def away(session_id: str) -> AsyncGenerator[Conversation]:
        raise SessionStoreError("the store is away")
        yield

    async with llm_serving(FakeLlm(model)) as url:
        await killed(processes, tmp_path, url, after=2)
        checkpoints = SqlCheckpoints(tmp_path / "operations.db", timeout_s=PATIENT_S)
        one, other = Pipelines(checkpoints, lease_s=3600), Pipelines(checkpoints, lease_s=3600)
        async with asyncio.timeout(ENOUGH_S):
            while not await checkpoints.abandoned():  # noqa: ASYNC110 - its lease runs out
                await asyncio.sleep(LEASE_S / 4)
        with pytest.raises(SessionStoreError):
            await recover(one, TURN, away)
        answer = await recover(other, TURN, conversations(tmp_path, url, other))
        await checkpoints.aclose()
    assert answer == "Result: ordered bell"


async def test_a_pipeline_whose_app_is_at_fault_does_not_end_the_recovery_of_others(
    processes: multiprocessing.context.BaseContext, tmp_path: Path
) -> None:
    async with llm_serving(FakeLlm(model)) as url:
        await killed(processes, tmp_path, url, after=2)
        checkpoints = SqlCheckpoints(tmp_path / "operations.db", timeout_s=PATIENT_S)
        pipelines = Pipelines(checkpoints, lease_s=3600)
        opens, tried = conversations(tmp_path, url, pipelines), 0

        def faulty_at_first(session_id: str) -> AbstractAsyncContextManager[Conversation]:
            nonlocal tried
            tried += 1
            if tried == 1:
                raise KeyError(session_id)
            return opens(session_id)

        recovering = keep_recovering(pipelines, faulty_at_first, keep_s=3600.0, every_s=0.05)
        async with asyncio.timeout(ENOUGH_S), background(recovering, name="recovery"):
            await done(checkpoints)
        await checkpoints.aclose()
    assert effects(tmp_path) == ["bell"]


async def test_what_is_not_there_is_not_recovered(tmp_path: Path) -> None:
    checkpoints = SqlCheckpoints(tmp_path / "operations.db", timeout_s=PATIENT_S)
    pipelines = Pipelines(checkpoints)
    with pytest.raises(PipelineNotFoundError):
        await recover(pipelines, "no-such", conversations(tmp_path, "", pipelines))
    await checkpoints.aclose()
