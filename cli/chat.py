"""`./run chat`: talks with an agent by text, in a terminal or from a script."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field

from rich.console import Console

from cli.chat_view import JsonView, TerminalView, View
from cli.typed_lines import TypedLines
from dialogue.approvals.approval import Approval, ApprovalDecision
from dialogue.approvals.memory import DecidedAtOnce, MemoryApprovals
from dialogue.conversation import Conversation
from dialogue.model import build_client
from dialogue.opening import conversing
from dialogue.sessions.opening import open_store
from dialogue.sessions.store import SessionRecord
from dialogue.text_front import TextFront
from parley.app.agent import Agent
from parley.app.configured import load_configured
from parley.app.events import Error, HangUp, TextDelta
from parley.app.loading import AppReference, load_app
from parley.arguments import CommandParser
from parley.clock import monotonic
from parley.errors import ParleyError
from parley.program import EXIT_INTERRUPTED
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.settings.values import without_credentials

SERVERS_WITHIN_S = 10.0
"""How long MCP servers may take to start before the first turn goes without them."""

_QUIT = ("/quit", "/exit")
_RETRYABLE_AND_FATAL = ("model_unreachable",)
"""Codes of errors that another try might mend, but not in this conversation."""


class ChatFailedError(ParleyError):
    """The conversation cannot go on: the model is not there, or refuses us."""


@dataclass(kw_only=True)
class Chat:
    """One conversation in the terminal."""

    front: TextFront
    view: View
    lines: TypedLines
    approvals: MemoryApprovals
    """Where they are not decided at once, whoever sits at the terminal is asked."""
    echo: bool
    """Lines come from a script, and nobody has seen them."""
    settings: OrchestratorSettings
    _answering: asyncio.Task[bool] | None = field(default=None, init=False)
    _interrupted: bool = field(default=False, init=False)
    _ends: bool = field(default=False, init=False)

    async def run(self) -> int:
        """The exit status; raises ChatFailedError."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._on_interrupt)
        if greeting := await self.front.greet():
            self.view.greeting(greeting)
        try:
            while not self._ends:
                self.view.prompt()
                line = await self.lines.next()
                if line is None or line.strip() in _QUIT:
                    break
                if line.strip() and await self._answered(line.strip()):
                    break
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        return EXIT_INTERRUPTED if self._ends else 0

    async def _answered(self, text: str) -> bool:
        """Whether the agent has hung up."""
        self.view.person(text, echo=self.echo)
        hung_up = await self._uninterrupted(self._answer(text))
        for approval in await self.approvals.pending():
            await self._decide(approval)
            hung_up |= await self._uninterrupted(self._tell_news())
        return hung_up

    async def _uninterrupted(self, answering: Coroutine[object, object, bool]) -> bool:
        """Whether the agent has hung up; Ctrl-C cuts the answer short."""
        self._interrupted = False
        task = self._answering = asyncio.create_task(answering)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return not task.cancelled() and task.result()

    async def _tell_news(self) -> bool:
        """What became of the call that was decided, as the agent says it by itself."""
        arrived = asyncio.Event()
        self.front.conversation.tell_news(arrived.set)
        await arrived.wait()
        return await self._answer("")

    async def _answer(self, text: str) -> bool:
        began_s, first_text_s, hangs_up, interrupted = monotonic(), None, False, True
        try:
            async with contextlib.aclosing(self.front.answer(text)) as events:
                async for event in events:
                    if isinstance(event, TextDelta) and first_text_s is None:
                        first_text_s = monotonic() - began_s
                    self.view.event(event)
                    hangs_up |= isinstance(event, HangUp)
                    if isinstance(event, Error):
                        self._check(event)
            interrupted = False
        finally:
            self.view.answered(
                interrupted=interrupted, first_text_s=first_text_s, took_s=monotonic() - began_s
            )
        return hangs_up

    async def _decide(self, approval: Approval) -> None:
        self.view.note("approve? y/n")
        yes = (await self.lines.next() or "").strip().lower() in ("y", "yes")
        notes = "" if yes else "the person said no"
        decision = ApprovalDecision(approved=yes, approver_id="terminal", approval_notes=notes)
        await self.approvals.decide(approval.id, decision)

    def _check(self, error: Error) -> None:
        if not error.retryable or error.code in _RETRYABLE_AND_FATAL:
            if not error.code.startswith("model_"):
                raise ChatFailedError(error.message)
            name = (
                self.front.conversation.agent.model or self.settings.llm_model or "its only model"
            )
            told = f"{error.message.rstrip('.')}: {name} at {_shown_url(self.settings)}"
            local = self.settings.llm_is_local and error.code == "model_unreachable"
            raise ChatFailedError(f"{told}{': is ./run up running?' if local else ''}")

    def _on_interrupt(self) -> None:
        task = self._answering
        if task is not None and not task.done() and not self._interrupted:
            self._interrupted = True
        else:
            self._ends = True
            self.lines.end()
        if task is not None:
            task.cancel()


def main(arguments: list[str]) -> int:
    """0 once the conversation has ended; 1 where the model fails, 2 for a wrong app."""
    options = make_parser().parse_args(arguments)
    # What a tool's failure was, for whoever writes it; the model's own are told as events.
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    settings = load_orchestrator()
    app = _app(settings, options.app)
    # What the app prints would stand between the lines of --json.
    shown = sys.stdout
    with contextlib.redirect_stdout(sys.stderr if options.json else shown):
        view: View = JsonView(shown) if options.json else TerminalView(Console(file=shown))
        return asyncio.run(_chat(app, settings, view, options))


async def _chat(
    app: Agent, settings: OrchestratorSettings, view: View, options: argparse.Namespace
) -> int:
    client, store = build_client(settings), open_store(settings.sessions)
    is_terminal = sys.stdin.isatty() and not options.json
    approvals = _approvals(asks=is_terminal and not options.approve, approve=options.approve)
    record = SessionRecord(
        id=options.session or uuid.uuid4().hex,
        channel="text",
        language=settings.asr.language,
        began_at_s=time.time(),
    )
    try:
        async with (
            TypedLines() as lines,
            conversing(
                app,
                record,
                settings,
                client=client,
                store=store,
                approvals=approvals,
                servers_within_s=SERVERS_WITHIN_S,
                on_lost=lambda what, why: view.note(f"{what}: {why}"),
            ) as conversation,
        ):
            _begun(view, conversation, options, settings)
            chat = Chat(
                front=TextFront(conversation, default_greeting=settings.agent.greeting),
                view=view,
                lines=lines,
                approvals=approvals,
                echo=not sys.stdin.isatty(),
                settings=settings,
            )
            return await chat.run()
    finally:
        await client.close()
        await store.aclose()


def _approvals(*, asks: bool, approve: bool) -> MemoryApprovals:
    if asks:
        return MemoryApprovals()
    why = "" if approve else "nobody at the terminal may approve it"
    return DecidedAtOnce(
        ApprovalDecision(approved=approve, approver_id="terminal", approval_notes=why)
    )


def _begun(
    view: View,
    conversation: Conversation,
    options: argparse.Namespace,
    settings: OrchestratorSettings,
) -> None:
    view.began(
        session_id=conversation.session.id,
        app=options.app or settings.agent.app,
        agent=conversation.agent.name,
    )


def _shown_url(settings: OrchestratorSettings) -> str:
    return without_credentials(settings.llm_url)


def _app(settings: OrchestratorSettings, named: str) -> Agent:
    """One that the command line names, be it an app of the settings; else their default."""
    if not named or named in settings.agent.apps:
        return load_configured(settings, named)
    return load_app(str(AppReference.parse(named)))


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run chat",
        description="Talks with an agent by text. Each line on standard input is a turn; Ctrl-C "
        "interrupts an answer, a second one, Ctrl-D or /quit ends. Needs a model: ./run up serves "
        "one, or OPENAI_API_KEY and OPENAI_BASE_URL name another.",
    )
    parser.add_argument(
        "--app",
        default="",
        help="my_agent.py, my_agent.py:name, package.module:name, or a name "
        "of agent.apps; default: agent.app",
    )
    parser.add_argument("--session", default="", metavar="ID", help="go on with this conversation")
    parser.add_argument(
        "--approve", action="store_true", help="approve every call that needs approval"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per event and line")
    return parser
