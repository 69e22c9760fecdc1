"""What this machine and others must have for the configuration to work: network interfaces, Redis,
the place of the sessions, a LiveKit server elsewhere."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from redis.exceptions import RedisError

from dialogue.sessions.opening import open_store
from ops.doctor.finding import Finding, ok, problem, warning
from ops.doctor.folders import is_database, why_unusable
from ops.supervisor.configuration import Configuration
from parley import paths
from parley.discovery.last_known import LastKnown
from parley.discovery.redis import connect
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import SessionsSection
from parley.settings.values import is_url, without_credentials

REACHED_WITHIN_S = 2.0
_DEFAULT_PORTS = {"ws": 80, "wss": 443, "redis": 6379, "rediss": 6379, "postgresql": 5432}


def check_surroundings(configuration: Configuration) -> Iterator[Finding]:
    """Blocks for some seconds at most, where something elsewhere is configured."""
    settings = configuration.orchestrator
    if configuration.livekit_is_local:
        yield from _interfaces(configuration.livekit.rtc.interfaces.includes)
    else:
        yield _livekit(settings.livekit.url)
    if settings.redis.url or "redis" in _discoveries(settings).values():
        yield from _redis(configuration)
    yield from _sessions(settings.sessions)
    hub = os.environ.get("HF_ENDPOINT", "")
    if hub and not is_url(hub, "http", "https"):
        yield problem(
            "HF_ENDPOINT", f"{hub[:80]!r} is no address", "expected one such as https://host:port"
        )


def _interfaces(included: tuple[str, ...]) -> Iterator[Finding]:
    there = sorted(psutil.net_if_addrs())
    unknown = [name for name in included if name not in there]
    if not unknown:
        return
    remedy = f"name interfaces of this machine in configs/livekit.yaml: {', '.join(there)}"
    detail = f"rtc.interfaces.includes names {', '.join(unknown)}, which this machine has not"
    is_all = len(unknown) == len(included)  # then media flows nowhere
    yield (problem if is_all else warning)("network interfaces", detail, remedy)


def _livekit(url: str) -> Finding:
    shown = without_credentials(url)
    if (reason := _why_unreachable(url)) is not None:
        detail = f"{shown} cannot be reached ({reason})"
        return problem("LiveKit server", detail, "check LIVEKIT_URL and the network")
    return ok("LiveKit server", f"elsewhere: {shown}")


def _discoveries(settings: OrchestratorSettings) -> dict[str, str]:
    found: dict[str, str] = {"tts": settings.tts.discovery}
    return found | ({"asr": settings.asr.discovery} if settings.asr.enabled else {})


def _redis(configuration: Configuration) -> Iterator[Finding]:
    settings = configuration.orchestrator
    needed = [part for part, way in _discoveries(settings).items() if way == "redis"]
    if not settings.redis.url:
        yield problem(
            "Redis",
            f"{' and '.join(needed)}.discovery is redis, but redis.url is empty",
            "set redis.url (REDIS_URL) to the Redis that the workers register in",
        )
        return
    if needed and configuration.worker.redis.url != settings.redis.url:
        yield warning(
            "Redis",
            "the workers of this machine do not register where the agent looks for them",
            "set redis.url of worker.yaml and orchestrator.yaml to the same (REDIS_URL does)",
        )
    reason = asyncio.run(_why_no_answer(settings.redis.url))
    if reason is None:
        yield ok("Redis", "answers")
        return
    is_lost = any(not _are_known(part) for part in needed)
    detail = f"redis.url (REDIS_URL) does not answer ({reason})"
    remedy = "start it, or set the discovery of tts and asr to static"
    yield (problem if is_lost else warning)("Redis", detail, remedy)


def _are_known(part: str) -> bool:
    """Whether workers are remembered from when Redis answered."""
    kind = {"tts": "synthesis", "asr": "recognition"}[part]
    return bool(LastKnown(paths.state_dir() / "discovery" / f"{kind}.json").read())


async def _why_no_answer(url: str) -> str | None:
    try:
        async with asyncio.timeout(REACHED_WITHIN_S), connect(url) as client:
            await client.ping()
    except TimeoutError:
        return "no answer"
    except ConfigurationError:
        return "its address is not one"
    except OSError as error:
        return error.strerror or type(error).__name__
    except RedisError as error:
        return "it wants a password" if "auth" in str(error).lower() else type(error).__name__
    return None


def _sessions(settings: SessionsSection) -> Iterator[Finding]:
    remedy = "set sessions.store and sessions.url (SESSIONS_URL) so that they fit"
    try:
        store = open_store(settings)
    except ConfigurationError as error:
        yield problem("sessions", str(error), remedy)
        return
    asyncio.run(store.aclose())
    url = settings.url.get_secret_value()
    if settings.store == "memory" or not url:
        return
    if url.startswith("sqlite"):
        yield from _sqlite(Path(urlsplit(url).path[1:]))
    elif (reason := _why_unreachable(url)) is not None:
        detail = f"where they are kept (SESSIONS_URL) cannot be reached ({reason})"
        yield warning("sessions", detail, "start it: until then sessions end with their process")


def _sqlite(file: Path) -> Iterator[Finding]:
    reason = why_unusable(file.parent)
    if reason is not None:
        yield problem("sessions", f"{file.parent} {reason}", "set SESSIONS_URL to another file")
    elif file.is_dir() or (file.is_file() and not is_database(file)):
        detail = f"{file} is no SQLite database"
        yield problem("sessions", detail, "set SESSIONS_URL to another file")


def _why_unreachable(url: str) -> str | None:
    """Why nobody accepts a connection there; None where somebody does."""
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0]
    if scheme not in _DEFAULT_PORTS or parts.hostname is None:
        return None
    address = (parts.hostname, parts.port or _DEFAULT_PORTS[scheme])
    try:
        socket.create_connection(address, timeout=REACHED_WITHIN_S).close()
    except OSError as error:
        return error.strerror or "no answer"
    return None
