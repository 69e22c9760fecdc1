"""When a call ends by itself: the person has gone silent, or its time is over."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from livekit.agents import AgentSession, AgentStateChangedEvent, UserStateChangedEvent

from parley.app.agent import SilencePrompts

WARNED_S = 60.0


class CallLimits:
    """Follows a session's events. `say` speaks and returns when it has been heard; `hang_up` says
    the closing and ends the call."""

    def __init__(
        self,
        *,
        silence: SilencePrompts | None,
        prompts: Sequence[str],
        max_call_s: float | None,
        warning: str,
        say: Callable[[str], Awaitable[object]],
        hang_up: Callable[[], None],
    ) -> None:
        """`prompts` are said one after the other when nobody has spoken for `silence.after_s`
        seconds, and then the call ends; None: the agent waits. `max_call_s`: seconds; `warning` is
        said WARNED_S before, in calls that are longer than twice that."""
        self._silence = silence
        self._prompts = prompts
        self._max_call_s = max_call_s
        self._warning = warning
        self._say = say
        self._hang_up = hang_up
        self._asked = 0
        self._silent: asyncio.TimerHandle | None = None
        self._ends: list[asyncio.TimerHandle] = []
        self._saying: set[asyncio.Future[object]] = set()
        self._session: AgentSession[None] | None = None

    def wait_as(self, silence: SilencePrompts | None, prompts: Sequence[str]) -> None:
        """From now on: another agent speaks, and asks in its own way."""
        self._silence, self._prompts = silence, prompts
        self._asked = 0

    def follow(self, session: AgentSession[None]) -> None:
        self._session = session
        session.on("agent_state_changed", self._on_agent_state)
        session.on("user_state_changed", self._on_user_state)
        if session.agent_state == "listening":  # already: who greets nobody waits from now on
            self._wait()
        if self._max_call_s is not None:
            loop = asyncio.get_running_loop()
            self._ends.append(loop.call_later(self._max_call_s, self._hang_up))
            if self._max_call_s > 2 * WARNED_S:
                before_s = self._max_call_s - WARNED_S
                self._ends.append(loop.call_later(before_s, self._speak, self._warning))

    def person_typed(self) -> None:
        self._person_is_there()

    async def aclose(self) -> None:
        self._wait_no_longer()
        for end in self._ends:
            end.cancel()
        for saying in self._saying:
            saying.cancel()
        await asyncio.gather(*self._saying, return_exceptions=True)

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "listening":
            self._wait()
        else:
            self._wait_no_longer()

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._person_is_there()
        elif self._session is not None and self._session.agent_state == "listening":
            self._wait()

    def _person_is_there(self) -> None:
        self._asked = 0
        self._wait_no_longer()

    def _wait(self) -> None:
        self._wait_no_longer()
        if self._silence is not None:
            loop = asyncio.get_running_loop()
            self._silent = loop.call_later(self._silence.after_s, self._on_silence)

    def _wait_no_longer(self) -> None:
        if self._silent is not None:
            self._silent.cancel()
            self._silent = None

    def _on_silence(self) -> None:
        self._silent = None
        if self._asked >= len(self._prompts):
            self._hang_up()
            return
        prompt = self._prompts[self._asked]
        self._asked += 1
        self._speak(prompt)

    def _speak(self, text: str) -> None:
        saying = asyncio.ensure_future(self._say(text))
        self._saying.add(saying)
        saying.add_done_callback(self._saying.discard)
