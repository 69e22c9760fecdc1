"""A telephone call's own: keys that are pressed on either side, and its transfer to somebody else.

livekit-sip brings the call into the room as a participant of kind SIP; without one there nothing of
this does anything.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import aiohttp
from livekit import api, rtc
from livekit.protocol.sip import STS_TRANSFER_FAILED

from parley.app.agent import Agent
from parley.app.tool import Tool, ToolError, as_tool, tool
from parley.settings import OrchestratorSettings

KEYS = "0123456789*#ABCD"
"""The code of each (RFC 4733) is its place."""
MOST_KEYS = 32
BETWEEN_KEYS_S = 0.25
"""So that whoever counts them hears two, where a key is pressed twice."""
PAUSE_S = 1.5
"""After the last key of a number that somebody enters; # ends it at once."""
TRANSFERRED_WITHIN_S = 45.0
"""Somebody has to answer."""

_SIP = rtc.ParticipantKind.PARTICIPANT_KIND_SIP
_log = logging.getLogger(__name__)


class Telephone:
    """Of one call. `person`: whom the agent talks with, once they are there."""

    def __init__(
        self,
        settings: OrchestratorSettings,
        room: rtc.Room,
        person: Callable[[], rtc.RemoteParticipant | None],
    ) -> None:
        self._settings = settings.telephone
        self._livekit = settings.livekit
        self._room = room
        self._person = person
        self._entered = ""
        self._pause: asyncio.TimerHandle | None = None
        self._telling: set[asyncio.Future[None]] = set()
        self._on_entered: Callable[[str], Awaitable[None]]

    def given_to(self, agent: Agent) -> Agent:
        """The agent with what the settings let it do; an engine has tools of its own alone."""
        own: list[Tool] = []
        if self._settings.transfer_to:
            transfer = tool(must_finish=True, timeout_s=TRANSFERRED_WITHIN_S + 5)
            made = transfer(self.transfer_call)
            names = ", ".join(sorted(self._settings.transfer_to))
            own.append(replace(made, description=f"{made.description} One of: {names}."))
        if self._settings.presses_keys:
            own.append(tool(self.press_keys))
        declared = {as_tool(each).name for each in agent.tools}
        own = [each for each in own if each.name not in declared]
        return replace(agent, tools=(*agent.tools, *own)) if own and not agent.engine else agent

    async def transfer_call(self, destination: str) -> str:
        """Transfers the person to somebody else; this call ends with it. destination: where to."""
        person = self._telephone()
        to = self._settings.transfer_to.get(destination)
        if to is None:
            names = ", ".join(sorted(self._settings.transfer_to))
            raise ToolError(f"there is nobody called {destination!r}; there are: {names}")
        request = api.TransferSIPParticipantRequest(
            participant_identity=person.identity, room_name=self._room.name, transfer_to=to
        )
        try:
            async with api.LiveKitAPI(
                self._livekit.url,
                self._livekit.api_key,
                self._livekit.api_secret.get_secret_value(),
                failover=False,
            ) as server:
                answer = await server.sip.transfer_sip_participant(
                    request, timeout=TRANSFERRED_WITHIN_S
                )
        except (api.ServerError, aiohttp.ClientError, TimeoutError) as error:
            _log.warning("the call is not transferred to %s: %s", destination, error)
            raise ToolError(f"nobody could be reached at {destination}") from error
        if answer.status == STS_TRANSFER_FAILED:
            _log.warning("the call is not transferred to %s: %s", destination, answer.sip_status)
            raise ToolError(f"nobody could be reached at {destination}")
        return f"The call is at {destination} now."

    async def press_keys(self, keys: str) -> str:
        """Presses keys of the telephone. keys: digits, * and #, such as 12#."""
        self._telephone()
        pressed = re.sub(r"[\s-]", "", keys).upper()
        if not 0 < len(pressed) <= MOST_KEYS or set(pressed) - set(KEYS):
            raise ToolError(f"keys are at most {MOST_KEYS} of {KEYS}")
        for key in pressed:
            await self._room.local_participant.publish_dtmf(code=KEYS.index(key), digit=key)
            await asyncio.sleep(BETWEEN_KEYS_S)
        return f"Pressed {pressed}."

    def follow(self, on_entered: Callable[[str], Awaitable[None]]) -> None:
        """`on_entered` is told what the person has pressed, once they pause or press #."""
        self._on_entered = on_entered
        self._room.on("sip_dtmf_received", self._pressed)

    async def aclose(self) -> None:
        self._wait_no_longer()
        for telling in self._telling:
            telling.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _telephone(self) -> rtc.RemoteParticipant:
        person = self._person()
        if person is None or person.kind != _SIP:
            raise ToolError("this is no telephone call")
        return person

    def _pressed(self, key: rtc.SipDTMF) -> None:
        person = self._person()
        sender = key.participant
        if person is None or sender is None or sender.identity != person.identity:
            return
        self._wait_no_longer()
        if key.digit in KEYS:
            self._entered = (self._entered + key.digit)[:MOST_KEYS]
        if key.digit == "#":
            self._tell()
        elif self._entered:
            self._pause = asyncio.get_running_loop().call_later(PAUSE_S, self._tell)

    def _tell(self) -> None:
        self._pause = None
        entered, self._entered = self._entered, ""
        telling = asyncio.ensure_future(self._on_entered(f"(I pressed {entered})"))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    def _wait_no_longer(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
