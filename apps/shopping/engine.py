"""The Engine of a shopping session: each turn starts the graph, answers its question, or goes on
where a process has left it."""

import logging
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from apps.shopping.faults import ShoppingError
from apps.shopping.flow.nodes import FlowContext
from apps.shopping.flow.questions import is_new_wish, refines
from apps.shopping.flow.state import NewWish, ShoppingState, WishStage
from apps.shopping.requirement import RequirementSpec
from apps.shopping.service import OpenShop, ShoppingService
from apps.shopping.speaking import bridged, spoken_question
from apps.shopping.storage.store import RequestStatus, utc_now
from parley import (
    Clarification,
    Done,
    Error,
    Event,
    Session,
    TextDelta,
    Turn,
)

_log = logging.getLogger(__name__)

INTERRUPT = "__interrupt__"
"""Under which LangGraph tells that a node waits for the person."""


class _Interrupted:
    """The graph has stopped at its question."""


Start = NewWish | Command[Any] | None
"""Of a run of the graph; None: it goes on."""


class ShoppingEngine:
    """See ResumableEngine. The service runs as long as it is asked."""

    def __init__(
        self,
        session: Session,
        service: ShoppingService,
        *,
        on_node: Callable[[str], None] = lambda name: None,
    ) -> None:
        """`on_node` is told of each node as it begins to work."""
        self._session = session
        self._service = service
        self._on_node = on_node
        self._config: RunnableConfig = {"configurable": {"thread_id": session.id}}

    async def respond(self, turn: Turn) -> AsyncGenerator[Event]:
        """See Engine: nothing is kept and nobody is asked before the turn is committed."""
        await turn.committed()
        events = self._answer(turn)
        if self._session.channel == "voice":
            events = bridged(events, waiting_since_s=turn.waiting_since_s)
        async with aclosing(events):
            async for event in events:
                yield event
        yield Done()

    async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
        """Nothing to do: what was shown is shown, and the next wish is read by itself."""

    async def has_unfinished(self) -> bool:
        """See ResumableEngine."""
        try:
            return bool((await self._snapshot()).next)
        except ShoppingError:
            return False

    async def _answer(self, turn: Turn) -> AsyncGenerator[Event]:
        try:
            before = await self._snapshot()
            if not turn.text.strip() and not turn.media and (before.interrupts or not before.next):
                for event in self._question(before):
                    yield event
                return
            asks = False
            async with aclosing(self._run(self._start(turn, before))) as told:
                async for each in told:
                    if isinstance(each, _Interrupted):
                        asks = True
                    else:
                        yield each
            if asks:
                after = await self._snapshot()
                await self._note(after.values, RequestStatus.PENDING, WishStage.CLARIFICATION)
                for event in self._question(after):
                    yield event
        except ShoppingError as error:
            await self._failed(error)
            yield Error(error.code, error.message, error.retryable)
            if self._session.channel == "voice":
                yield TextDelta(error.message)

    async def _run(self, start: Start) -> AsyncGenerator[Event | _Interrupted]:
        context = FlowContext(
            session_id=self._session.id,
            model=self._session.model,
            spoken=self._session.channel == "voice",
            on_node=self._on_node,
        )
        # Each node's end is on disk before the next begins: what was done is not done again.
        stream = self._shop.graph.astream(
            start,
            self._config,
            context=context,
            stream_mode=["custom", "updates"],
            durability="sync",
        )
        async with aclosing(cast(AsyncGenerator[tuple[str, Any]], stream)) as parts:
            async for mode, part in parts:
                if mode == "custom":
                    yield part
                elif INTERRUPT in part:
                    yield _Interrupted()

    def _start(self, turn: Turn, before: StateSnapshot) -> Start:
        """What the turn is: the answer to a pending question, a wish, or the word to go on."""
        if not turn.text.strip() and not turn.media:
            return None
        values = cast(ShoppingState, before.values)
        spec = RequirementSpec.model_validate(values.get("spec") or {})
        asked = values.get("asked", "")
        vocabulary = self._shop.nodes.builder.vocabulary
        if before.interrupts and not is_new_wish(turn.text, spec, asked, vocabulary):
            if not turn.media:
                return Command(resume=turn.text)
            keeps = True
        else:
            keeps = not before.interrupts and refines(turn.text, spec, vocabulary)
        now = utc_now()
        return NewWish(
            request_id=f"request#{now}#{uuid.uuid4().hex[:8]}",
            user_id=self._session.user,
            created_at=now,
            message=turn.text,
            media=[
                {"media_type": each.media_type, "key": each.key, "content_type": each.content_type}
                for each in turn.media
            ],
            keeps=keeps,
        )

    def _question(self, snapshot: StateSnapshot) -> list[Event]:
        """The question that waits, if one does; said too where the session is a call."""
        if not snapshot.interrupts:
            return []
        asked = snapshot.interrupts[0].value
        question, options = str(asked["question"]), tuple(map(str, asked["suggestions"]))
        told: list[Event] = [Clarification(question, options)]
        if self._session.channel == "voice":
            told.append(TextDelta(spoken_question(question, options)))
        return told

    async def _failed(self, error: ShoppingError) -> None:
        """The wish is over: the next turn begins anew, and nobody goes on with this one."""
        try:
            snapshot = await self._snapshot()
            if snapshot.values.get("request_id"):
                await self._note(snapshot.values, RequestStatus.FAILED, WishStage.FAILED)
            if snapshot.next:
                await self._shop.graph.aupdate_state(
                    self._config, {"stage": WishStage.FAILED.value}, as_node="Done"
                )
        except ShoppingError as other:
            _log.warning("%s: not kept as failed: %s", error.message, other.message)

    async def _note(self, values: Any, status: RequestStatus, stage: WishStage) -> None:
        await self._shop.nodes.note(values, self._session.id, status, stage)

    async def _snapshot(self) -> StateSnapshot:
        return await self._shop.graph.aget_state(self._config)

    @property
    def _shop(self) -> OpenShop:
        return self._service.shop
