"""A grounded agent and the example services: it reads at once, and changes once somebody agrees."""

import asyncio

from dialogue.approvals.approval import ApprovalDecision
from dialogue.approvals.memory import MemoryApprovals
from dialogue.services.services import Services, ServiceSpec
from parley import Agent
from parley.app.events import ApprovalPending, ToolFinished
from testkit.example_services import PetStore
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer, ScriptedToolCall
from tests.dialogue.conversing import ask, conversing, of, said
from tests.dialogue.knowledge.test_services import running

ENOUGH_S = 60.0


def answered(messages: Messages) -> ScriptedAnswer:
    """As a model would: it lists for "which", reserves for "reserve", and says what came."""
    told = [m["content"] for m in messages if m["role"] == "system" and "had to be" in m["content"]]
    if told:
        return ScriptedAnswer(text=f"News: {told[-1]}")
    last = messages[-1]
    if last["role"] == "tool":
        return ScriptedAnswer(text=f"Result: {last['content']}")
    if "reserve" in last["content"]:
        call = ScriptedToolCall("petstore_reserve_pet", {"pet_id": 2, "body": {"customer": "Anna"}})
        return ScriptedAnswer(calls=(call,))
    if "which" in last["content"].lower():
        return ScriptedAnswer(calls=(ScriptedToolCall("petstore_list_pets", {"animal": "dog"}),))
    return ScriptedAnswer(text="Fine.")


async def test_an_agent_reads_at_once_and_changes_once_somebody_has_agreed() -> None:
    store, approvals, llm = PetStore(), MemoryApprovals(), FakeLlm(answered)
    async with running(store.app()) as url:
        services = Services([ServiceSpec(name="petstore", url=url)])
        services.start()
        assert await services.ready(ENOUGH_S)
        agent = Agent(instructions="You are a pet shop.", grounded=True)
        async with conversing(llm, agent, approvals=approvals, services=services) as conversation:
            assert "Bello" in said(await ask(conversation, "Which dogs are there?"))
            events = await ask(conversation, "Please reserve Bello for Anna.")
            assert [pending.tool for pending in of(events, ApprovalPending)] == [
                "petstore_reserve_pet"
            ]
            assert [end.outcome for end in of(events, ToolFinished)] == ["pending"]
            assert said(await ask(conversation, "How are you?")) == "Fine."
            assert store.reservations == []

            arrived = asyncio.Event()
            conversation.tell_news(arrived.set)
            (waiting,) = await approvals.pending()
            await approvals.decide(waiting.id, ApprovalDecision(approved=True, approver_id="ann"))
            async with asyncio.timeout(ENOUGH_S):
                await arrived.wait()
            assert '"status":"reserved"' in said(await ask(conversation, ""))
        assert [(r.pet.name, r.customer) for r in store.reservations] == [("Bello", "Anna")]
        await services.aclose()
    tools = {tool["function"]["name"] for tool in llm.requests[0]["tools"]}
    assert tools == {"petstore_list_pets", "petstore_get_pet", "petstore_reserve_pet"}
