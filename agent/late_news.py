"""The agent says by itself what became of calls that had waited for approval."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from livekit.agents import AgentSession

from agent.answering import Answering
from agent.turns.report import Reply, TurnReport
from dialogue.conversation import Conversation

QUIET_S = 1.5
"""Neither side has spoken for so long: a person who only pauses is let finish, and what they say
then is answered with the news in it."""


class LateNews:
    """Of one call. `follow` it once the session runs; `aclose` it at the end."""

    def __init__(
        self,
        conversation: Conversation,
        session: AgentSession[Any],
        answering: Answering,
        report: TurnReport,
        *,
        quiet_s: float = QUIET_S,
    ) -> None:
        self._conversation = conversation
        self._session = session
        self._answering = answering
        self._report = report
        self._quiet_s = quiet_s
        self._timer: asyncio.TimerHandle | None = None
        self._tried: set[str] = set()
        """News that was begun to be told: what cut it short, the next answer makes up for."""

    def follow(self) -> "LateNews":
        """From now on."""
        self._session.on("agent_state_changed", self._changed)
        self._session.on("user_state_changed", self._changed)
        self._conversation.tell_news(self._look)
        return self

    async def aclose(self) -> None:
        """It says nothing more."""
        self._wait_no_longer()
        self._conversation.tell_news(lambda: None)

    def _changed(self, _: object) -> None:
        self._look()

    def _look(self) -> None:
        self._wait_no_longer()
        if self._is_quiet and self._untried:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._quiet_s, self._tell)

    def _tell(self) -> None:
        self._timer = None
        if self._is_quiet and (untried := self._untried):
            self._tried |= untried
            self._say()

    def _say(self) -> None:
        replies: list[Reply] = []

        async def spoken() -> AsyncGenerator[str]:
            async with aclosing(self._answering.speak_by_itself(replies[0])) as pieces:
                async for piece in pieces:
                    yield piece

        handle = self._session.say(spoken(), allow_interruptions=True, add_to_chat_ctx=False)
        replies.append(self._report.reply_of(handle))

    @property
    def _untried(self) -> set[str]:
        return {news.approval_id for news in self._conversation.news} - self._tried

    @property
    def _is_quiet(self) -> bool:
        session = self._session
        return session.agent_state == "listening" and session.user_state != "speaking"

    def _wait_no_longer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
