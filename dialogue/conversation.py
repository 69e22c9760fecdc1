"""One conversation, as a front holds it: a session, its engine, and the log of both."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence

from dialogue.approvals.held_calls import HeldCalls, News
from dialogue.declared_engine import DeclaredEngine
from dialogue.language_model import AskedModel
from dialogue.resources import Resources
from dialogue.session_log import StoredLog
from dialogue.sessions.store import (
    SessionExistsError,
    SessionRecord,
    SessionStore,
    SessionStoreError,
    StoredSession,
)
from dialogue.text.languages import get_or_english
from dialogue.turn_log import TurnLog
from dialogue.unfinished import Unfinished
from parley.app.agent import Agent
from parley.app.app_service import Media
from parley.app.engine import Engine, Turn
from parley.app.events import Done, Error, Event, Filler, Handoff, TextDelta, ToolFinished
from parley.app.session import AgentSaid, Heard, Resumed, Session, ToolCalled
from parley.clock import Clock

UNFINISHED_WITHIN_S = 30.0
"""How long the end of a conversation waits for tools that must finish."""

_log = logging.getLogger(__name__)


class Conversation:
    """What a front talks to. `await Conversation.open(…)` begins one or goes on with one."""

    def __init__(
        self,
        app: Agent,
        record: SessionRecord,
        log: StoredLog,
        resources: Resources,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.session = Session(
            id=record.id,
            channel=record.channel,
            log=log,
            user=record.user,
            language=record.language,
            attributes=record.attributes,
            model=AskedModel(resources.model, resources.fills_forms),
        )
        self._log = log
        self._resources = resources
        self._now = now
        self._app = app
        self._unfinished = Unfinished(self._tool_ended_late)
        self._turn_logs: dict[str, TurnLog] = {}
        self._declared: DeclaredEngine | None = None
        self._held: HeldCalls | None = None
        self.on_late_end: Callable[[ToolFinished], None] = lambda end: None
        """Is told how a call ended that had waited for approval."""
        if app.engine is not None:
            self._engine: Engine = app.engine(self.session)
        else:
            self._declared = DeclaredEngine(
                app, self.session, resources, unfinished=self._unfinished
            )
            self._declared.held = self._held = self._holding(resources)
            self._engine = self._declared

    @classmethod
    async def open(
        cls,
        store: SessionStore,
        record: SessionRecord,
        app: Agent,
        resources: Resources,
        *,
        resumed: bool = False,
        is_new: bool = False,
        on_store_lost: Callable[[SessionStoreError], None] | None = None,
        now: Callable[[], float] = time.time,
    ) -> "Conversation":
        """The session of that id where the store has one, else a new one of the record.

        `is_new`: the id has just been made, and nobody else can have it: it is not looked for
        before it is written. `resumed`: note in the log that another process goes on with it.
        `on_store_lost` is called once when the store fails; the conversation then goes on with the
        log in memory. `now` gives seconds since 1970.
        """
        stored, failed = None, None
        try:
            stored = await _loaded_or_created(store, record, is_new=is_new)
        except SessionStoreError as error:
            failed = error
        kept = stored or StoredSession(record, ())
        log = StoredLog(
            store,
            kept.record,
            kept.entries,
            created=failed is None,
            on_store_lost=on_store_lost,
        )
        if failed is not None:
            log.lost(failed)
        conversation = cls(app, kept.record, log, resources, now=now)
        if conversation._declared is not None:
            conversation._declared.start()
            await conversation._declared.refresh()
        if conversation._held is not None:
            conversation._held.resume()
        if resumed and kept.entries:
            log.append(Resumed(at_s=now()))
        return conversation

    @property
    def agent(self) -> Agent:
        """The agent that speaks now, which a hand-off changes."""
        return self._declared.agent if self._declared is not None else self._app

    @property
    def clock(self) -> Clock:
        """What a turn's `waiting_since_s` is read from."""
        return self._resources.clock

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def news(self) -> Sequence[News]:
        """What became of calls that had waited for approval, as far as the person has not heard
        it. The next answer tells it; a turn with an empty text has the agent tell it by itself."""
        return self._held.news if self._held is not None else ()

    def tell_news(self, on_news: Callable[[], None]) -> None:
        """Has it called whenever there are more of them, and now where there are some."""
        if self._held is not None:
            self._held.on_news = on_news
            if self._held.news:
                on_news()

    async def servers_ready(self, timeout_s: float) -> None:
        """Waits until each MCP server of the agent is reached or found away, or for so long."""
        if self._declared is not None:
            await self._declared.servers_ready(timeout_s)

    async def prepare(self, greeting: str = "") -> None:
        """Has a local model read how the conversation begins, while the greeting is being said."""
        if self._declared is not None:
            await self._declared.prepare(greeting)

    async def hears(self, text: str) -> None:
        """Has a local model read what the person has said so far, while they say the rest."""
        if self._declared is not None:
            await self._declared.hears(text)

    def turn(
        self,
        text: str,
        *,
        waiting_since_s: float,
        turn_id: str | None = None,
        media: Sequence[Media] = (),
    ) -> "ActiveTurn":
        """A turn to be answered: a guess until it is committed. With an empty text, after a
        hand-off, the agent speaks of itself; that is no guess. `waiting_since_s`: when the person
        stopped, on the resources' clock."""
        turn_log = TurnLog(self._log, turn_id or uuid.uuid4().hex, text, now=self._now)
        self._turn_logs[turn_log.turn_id] = turn_log
        language = self.agent.language or self.session.language
        turn = ActiveTurn(
            self._engine,
            self.session,
            turn_log,
            waiting_since_s=waiting_since_s,
            media=media,
            apology=get_or_english(language).phrases.apology,
            on_settled=lambda: self._settle(turn_log.turn_id),
            reassure=self._declared.reassure if self._declared is not None else None,
        )
        if not text:
            turn.commit()
        return turn

    def say(self, text: str, *, turn_id: str | None = None) -> str:
        """Logs words of the agent's own, such as a greeting, as made; the front says them, and
        tells `heard` of them under the turn id that is returned."""
        turn_id = turn_id or uuid.uuid4().hex
        self._log.append(AgentSaid(at_s=self._now(), turn_id=turn_id, text=text))
        return turn_id

    async def heard(
        self, turn_id: str, text: str, *, interrupted: bool = False, final: bool = True
    ) -> None:
        """So much of the turn's answer was heard so far, fillers left out; `final`: no more will
        be. The caller sees to it that it does not call this more often than is worth writing."""
        entry = Heard(
            at_s=self._now(), turn_id=turn_id, text=text, interrupted=interrupted, final=final
        )
        if (turn_log := self._turn_logs.get(turn_id)) is not None:
            turn_log.write(entry)
        else:
            self._log.append(entry)
        if final:
            await self._engine.heard(turn_id, text, interrupted=interrupted)

    async def has_unfinished(self) -> bool:
        """Whether the engine can go on with an answer that nobody has got whole."""
        ask = getattr(self._engine, "has_unfinished", None)
        return bool(await ask()) if ask is not None else False

    async def flush(self) -> None:
        """Returns once the log is in the store, or the store has failed."""
        await self._log.flush()

    async def aclose(self, *, deadline_s: float = UNFINISHED_WITHIN_S) -> None:
        """Waits for tools that must finish, up to a deadline, disconnects from MCP servers, and
        writes the log to its end.
        Turns are closed before by those who read their events."""
        if self._held is not None:
            await self._held.aclose(deadline_s=deadline_s)
        await self._unfinished.aclose(deadline_s=deadline_s)
        if self._declared is not None:
            await self._declared.aclose()
        await self._log.flush()

    def _tool_ended_late(self, turn_id: str, end: ToolFinished) -> None:
        self._turn_logs[turn_id].tool_ended(end)
        self._settle(turn_id)

    def _holding(self, resources: Resources) -> HeldCalls | None:
        if resources.approvals is None or self._declared is None:
            return None
        return HeldCalls(
            resources.approvals,
            self.session.id,
            user=self.session.user,
            expires_s=resources.approval_expires_s,
            run=self._declared.run_held,
            record=self._held_call_ended,
        )

    def _held_call_ended(self, turn_id: str, end: ToolFinished) -> None:
        called = [
            entry
            for entry in self._log.entries
            if isinstance(entry, ToolCalled) and entry.call_id == end.call_id
        ]
        if not called or called[-1].outcome == "pending":  # else another process has logged it
            TurnLog(self._log, turn_id, "", now=self._now).late_tool_ended(end)
            self.on_late_end(end)

    def _settle(self, turn_id: str) -> None:
        """Forgets the turn's log once nothing more can come of it."""
        turn_log = self._turn_logs.get(turn_id)
        if turn_log is not None and turn_log.is_settled and not self._unfinished.has(turn_id):
            del self._turn_logs[turn_id]


class ActiveTurn:
    """One turn and its answer."""

    def __init__(
        self,
        engine: Engine,
        session: Session,
        turn_log: TurnLog,
        *,
        waiting_since_s: float,
        media: Sequence[Media],
        apology: str,
        on_settled: Callable[[], None],
        reassure: Callable[[str], None] | None = None,
    ) -> None:
        """`on_settled`: called whenever nothing more may come of the turn; `reassure`: has the
        answer to a turn say that somebody is there."""
        self._engine = engine
        self._log = turn_log
        self._committed = asyncio.Event()
        self._apology = apology
        self._on_settled = on_settled
        self._begun = False
        self._reassure = reassure
        self.turn = Turn(
            id=turn_log.turn_id,
            session=session,
            text=turn_log.text,
            committed=self._until_committed,
            waiting_since_s=waiting_since_s,
            media=tuple(media),
        )

    @property
    def id(self) -> str:
        return self.turn.id

    @property
    def is_committed(self) -> bool:
        return self._committed.is_set()

    @property
    def reassures(self) -> bool:
        """Whether `asked_presence` may be called: an engine of the developer's own has its own
        idea of what to say."""
        return self._reassure is not None

    def asked_presence(self, text: str) -> None:
        """While they wait for the answer the person has asked whether anybody is there: it is
        logged beside what they asked before, and the answer says so and goes on."""
        self._log.said_beside(text)
        if self._reassure is not None:
            self._reassure(self.id)

    def taken(self) -> None:
        """The person has said this: it is logged, with all that the answer did on the guess. They
        may go on. A second call does nothing."""
        self._log.commit()
        self._on_settled()

    def commit(self) -> None:
        """The turn is known to be one: it is taken, and tools with effects may run. A second call
        does nothing."""
        self.taken()
        self._committed.set()

    def drop(self) -> None:
        """It was a guess that did not come true: nothing of it is logged, now or later."""
        self._log.is_dropped = True
        self._log.answer_is_over |= not self._begun
        self._on_settled()

    async def events(self) -> AsyncGenerator[Event]:
        """The answer, to be read once; its last event is Done. Closing it, or cancelling who reads
        it, cancels the answer. What happens is logged before it is yielded. An engine that raises
        ends its answer with an Error and an apology."""
        self._begun = True
        try:
            events = self._engine.respond(self.turn)
            try:
                async for event in events:
                    self._note(event)
                    yield event
                    if isinstance(event, Done):
                        return
            finally:
                if isinstance(events, AsyncGenerator):
                    await events.aclose()
            yield Done()
        except Exception:
            _log.exception("session %s: the engine has failed", self.turn.session.id)
            yield Error("engine_failed", "the agent has failed; its log says why", True)
            yield Filler(self._apology)
            yield Done()
        finally:
            self._log.answer_ended()
            self._log.answer_is_over = True
            self._on_settled()

    def _note(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self._log.said(text)
            case ToolFinished():
                self._log.tool_ended(event)
            case Handoff(agent, keeps):
                self._log.handed_off(agent, keeps)
            case Done():
                self._log.answer_ended()

    async def _until_committed(self) -> None:
        await self._committed.wait()


async def _loaded_or_created(
    store: SessionStore, record: SessionRecord, *, is_new: bool
) -> StoredSession | None:
    """The session as it is kept; None for one that has just been created."""
    if not is_new and (stored := await store.load(record.id)) is not None:
        return stored
    try:
        await store.create(record)
    except SessionExistsError:  # by another process, in between
        return await store.load(record.id)
    return None
