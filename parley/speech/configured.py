"""The pools that the settings describe: where their workers are, and how they are spoken to."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from parley import paths
from parley.discovery import Discovery, StaticDiscovery
from parley.discovery.dns import DnsDiscovery
from parley.discovery.last_known import LastKnown
from parley.discovery.lease import Kind
from parley.discovery.redis import RedisDiscovery
from parley.discovery.static import parse_targets
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import PORT_STEP
from parley.speech.balancing.roster import Roster, asking_roster
from parley.speech.channel import Channels
from parley.speech.node.link import NodeLink
from parley.speech.node.server import NodeScoreboard
from parley.speech.node.socket_file import socket_path
from parley.speech.recognition.pool import RecognitionPool
from parley.speech.synthesis.pool import SpeechPool
from parley.tls import client_tls


def speech_pool(settings: OrchestratorSettings, node: NodeLink | None = None) -> SpeechPool:
    """The workers that speak; raises ConfigurationError. `node`: who knows them already."""
    return SpeechPool(speech_discovery(settings), tls=client_tls(settings.tls), node=node)


def recognition_pool(
    settings: OrchestratorSettings, node: NodeLink | None = None
) -> RecognitionPool:
    """The workers that listen; raises ConfigurationError. `node`: who knows them already."""
    return RecognitionPool(recognition_discovery(settings), tls=client_tls(settings.tls), node=node)


def node_link(settings: OrchestratorSettings) -> NodeLink:
    """For a call: to what the agent server of its node knows of the workers."""
    return NodeLink(_socket_path(settings))


@asynccontextmanager
async def node_scoreboard(settings: OrchestratorSettings) -> AsyncIterator[NodeScoreboard]:
    """For an agent server: asks the workers for all calls of its node; raises
    ConfigurationError."""
    discoveries: dict[Kind, Discovery] = {"synthesis": speech_discovery(settings)}
    if settings.asr.enabled:
        discoveries["recognition"] = recognition_discovery(settings)
    async with AsyncExitStack() as running:
        rosters: dict[Kind, Roster] = {}
        for kind, discovery in discoveries.items():
            channels = Channels(client_tls(settings.tls))
            running.push_async_callback(channels.aclose)
            rosters[kind] = asking_roster(discovery, channels, kind)
        scoreboard = NodeScoreboard(rosters, _socket_path(settings))
        await running.enter_async_context(scoreboard.running())
        yield scoreboard


def _socket_path(settings: OrchestratorSettings) -> Path:
    return socket_path(paths.state_dir(), settings.server.health_check_port)


def speech_discovery(settings: OrchestratorSettings) -> Discovery:
    """Where the workers that speak are; raises ConfigurationError."""
    tts = settings.tts
    match tts.discovery:
        case "static":
            return StaticDiscovery(_with_those_of_up(tts.worker_address, tts.workers))
        case "dns":
            return DnsDiscovery(tts.worker_address)
        case "redis":
            return _registered(settings, "tts", "synthesis")


def recognition_discovery(settings: OrchestratorSettings) -> Discovery:
    """Where the workers that listen are; raises ConfigurationError."""
    asr = settings.asr
    match asr.discovery:
        case "static":
            return StaticDiscovery(asr.worker_address)
        case "dns":
            return DnsDiscovery(asr.worker_address)
        case "redis":
            return _registered(settings, "asr", "recognition")


def _with_those_of_up(addresses: str, workers: int) -> str:
    """The addresses, and from the first one on those of all workers that `up` starts."""
    listed = parse_targets(addresses)
    host, _, port = listed[0].rpartition(":")
    started = (f"{host}:{int(port) + PORT_STEP * n}" for n in range(workers))
    return ",".join(dict.fromkeys((*listed, *started)))


def _registered(settings: OrchestratorSettings, part: str, kind: Kind) -> RedisDiscovery:
    if not settings.redis.url:
        raise ConfigurationError(
            f"{part}.discovery is redis, but redis.url (REDIS_URL) is empty: set it to the address "
            "of the Redis that the workers register in"
        )
    last_known = LastKnown(paths.state_dir() / "discovery" / f"{kind}.json")
    return RedisDiscovery(settings.redis.url, kind, last_known=last_known)
