"""The pools that the settings describe: where their workers are found."""

from parley import paths
from parley.discovery import Discovery, StaticDiscovery
from parley.discovery.dns import DnsDiscovery
from parley.discovery.last_known import LastKnown
from parley.discovery.lease import Kind
from parley.discovery.redis import RedisDiscovery
from parley.discovery.static import parse_targets
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import PORT_STEP, AsrSection, TtsSection
from parley.speech.hearing import RecognitionPool
from parley.speech.pool import SpeechPool


def speech_pool(settings: OrchestratorSettings) -> SpeechPool:
    """The workers that speak; raises ConfigurationError."""
    return SpeechPool(speech_discovery(settings))


def recognition_pool(settings: OrchestratorSettings) -> RecognitionPool:
    """The workers that listen; raises ConfigurationError."""
    return RecognitionPool(recognition_discovery(settings))


def speech_discovery(settings: OrchestratorSettings) -> Discovery:
    """Where the workers that speak are; raises ConfigurationError."""
    if settings.tts.discovery == "static":
        return StaticDiscovery(",".join(_addresses(settings.tts)))
    return _discovery("synthesis", "tts", settings.tts, settings)


def recognition_discovery(settings: OrchestratorSettings) -> Discovery:
    """Where the workers that listen are; raises ConfigurationError."""
    return _discovery("recognition", "asr", settings.asr, settings)


def _discovery(
    kind: Kind, name: str, section: TtsSection | AsrSection, settings: OrchestratorSettings
) -> Discovery:
    match section.discovery:
        case "static":
            return StaticDiscovery(section.worker_address)
        case "dns":
            return DnsDiscovery(section.worker_address)
        case "redis":
            if not settings.redis.url:
                raise ConfigurationError(
                    f"{name}.discovery is redis, but redis.url (REDIS_URL) is empty: set it to the "
                    "address of the Redis that the workers register in"
                )
            last_known = LastKnown(paths.state_dir() / "discovery" / f"{kind}.json")
            return RedisDiscovery(settings.redis.url, kind, last_known=last_known)


def _addresses(section: TtsSection) -> tuple[str, ...]:
    """Those that are listed, and from the first one on those of the workers that `up` starts."""
    listed = parse_targets(section.worker_address)
    host, _, port = listed[0].rpartition(":")
    started = (f"{host}:{int(port) + PORT_STEP * n}" for n in range(section.workers))
    return tuple(dict.fromkeys((*listed, *started)))
