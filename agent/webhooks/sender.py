"""Sends what calls left in the outbox, again and again until it is taken or its time is over."""

import asyncio
import contextlib
import fcntl
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from agent.webhooks import outbox
from agent.webhooks.signature import signed_headers
from agent.webhooks.targets import PublicResolver, check_url
from parley import __version__
from parley.clock import Clock
from parley.private import open_private, private_folder
from parley.settings.record import WebhookSection

LOOKS_EVERY_S = 0.5
ANSWER_WITHIN_S = 10.0
AT_ONCE = 8
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 300.0
"""The wait doubles with each attempt; a fourth of it is drawn, so that not all come at once."""
GONE = 410
"""The other side wants no more of this event."""

_log = logging.getLogger(__name__)


@dataclass
class _Attempts:
    next_at_s: float = 0.0
    count: int = 0


class WebhookSender:
    """Of one machine: who starts a second one in the same folder waits until the first is gone."""

    def __init__(
        self,
        settings: WebhookSection,
        folder: Path,
        *,
        first_retry_s: float = FIRST_RETRY_S,
        now: Clock = time.time,
    ) -> None:
        """Raises ConfigurationError for a target that is not allowed."""
        check_url(settings.url, private=settings.private)
        self._settings = settings
        self._folder = folder
        self._first_retry_s = first_retry_s
        self._now = now
        self._attempts: dict[str, _Attempts] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        private_folder(self._folder)
        resolver = None if self._settings.private else PublicResolver()
        with open_private(self._folder / "lock", append=True) as lock:
            while not _locks(lock.fileno()):  # noqa: ASYNC110 - no state tells of it
                await asyncio.sleep(LOOKS_EVERY_S)
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, limit=AT_ONCE),
                timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S),
                headers={"user-agent": f"parley/{__version__}"},
                trust_env=not self._settings.private,
            ) as http:
                while True:
                    await self._look(http)
                    await asyncio.sleep(LOOKS_EVERY_S)

    async def _look(self, http: aiohttp.ClientSession) -> None:
        try:
            await asyncio.to_thread(outbox.tell_of_lost_calls, self._folder)
            files = await asyncio.to_thread(outbox.waiting, self._folder)
        except OSError as error:
            _log.warning("the outbox of webhooks cannot be read: %s", error)
            return
        known = {file.name: self._attempts.get(file.name, _Attempts()) for file in files}
        self._attempts = known
        due = [file for file in files if known[file.name].next_at_s <= self._now()]
        await asyncio.gather(*(self._send(http, file) for file in due[:AT_ONCE]))

    async def _send(self, http: aiohttp.ClientSession, file: Path) -> None:
        """One attempt."""
        try:
            body = await asyncio.to_thread(file.read_bytes)
        except OSError:
            return
        why = await self._post(http, file, body)
        attempts = self._attempts[file.name]
        attempts.count += 1
        age_s = self._now() - _left_at_s(file)
        if why and age_s < self._settings.give_up_after_s:
            wait_s = min(LONGEST_RETRY_S, self._first_retry_s * 2 ** (attempts.count - 1))
            wait_s *= 1 - random.random() / 4  # noqa: S311 - no secret
            attempts.next_at_s = self._now() + wait_s
            _log.info("a webhook's event is tried again in %.1f s: %s", wait_s, why)
            return
        if why:
            _log.error("a webhook's event is given up after %.0f s: %s", age_s, why)
        await asyncio.to_thread(file.unlink, missing_ok=True)

    async def _post(self, http: aiohttp.ClientSession, file: Path, body: bytes) -> str:
        """Why it was not taken; empty: it was, or is not wanted any more."""
        headers = signed_headers(
            self._settings.secret.get_secret_value(),
            event_id=f"msg_{file.stem}",
            at_s=int(self._now()),
            body=body,
        )
        try:
            async with http.post(
                self._settings.url,
                data=body,
                headers={**headers, "content-type": "application/json"},
                allow_redirects=False,  # it may lead anywhere
            ) as answer:
                taken = answer.status // 100 == 2 or answer.status == GONE
                return "" if taken else f"HTTP {answer.status}"
        except TimeoutError:
            return f"no answer within {ANSWER_WITHIN_S:.0f} s"
        except (aiohttp.ClientError, OSError) as error:
            return str(error) or type(error).__name__


@asynccontextmanager
async def sending(settings: WebhookSection) -> AsyncIterator[None]:
    """Sends as long as the block lasts; nothing where no url is set.

    Raises ConfigurationError for a target that is not allowed.
    """
    if not settings.url:
        yield
        return
    task = asyncio.create_task(
        WebhookSender(settings, outbox.outbox_folder()).run(), name="webhooks"
    )
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _left_at_s(file: Path) -> float:
    return int(file.name.partition("-")[0]) / 1e9


def _locks(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
