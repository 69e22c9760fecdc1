"""Settings of the speech workers (`configs/worker.yaml`)."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field

from parley import models
from parley.errors import ConfigurationError
from parley.gpu import has_gpu
from parley.models.languages import base_code
from parley.settings.engines import ASR_MODELS, AUTO, known_engine
from parley.settings.orchestrator import PORT_STEP
from parley.settings.port_offset import HIGHEST_PORT
from parley.settings.redis import RedisSection
from parley.settings.source import Env, Section, config_file, load
from parley.settings.telemetry import WorkerTelemetrySection
from parley.settings.tls import WorkerTlsSection
from parley.settings.values import AdvertisedAddress, Host, LanguageCode, Port, is_loopback

TtsEngineName = Annotated[str, AfterValidator(partial(known_engine, "tts"))]
AsrEngineName = Annotated[str, AfterValidator(partial(known_engine, "asr"))]
_ADVERTISE = "host:port under which others reach this worker; empty: those it listens on"


class CosyVoiceSection(Section):
    model_dir: str = Field("", description="the CosyVoice 2 checkpoint")
    voices_dir: str = Field("", description="a folder per voice, with its prompt.wav")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto, cpu or cuda")
    fp16: bool = Field(False, description="half precision; needs a GPU")
    tensorrt: bool = Field(False, description="the flow's estimator in TensorRT; needs a GPU")
    vllm: bool = Field(False, description="the language model in vLLM; needs a GPU")


class TtsWorkerSection(Section):
    host: Host = Field("127.0.0.1", description="address both ports listen on")
    port: Port = Field(7001, description="gRPC")
    metrics_port: Port = Field(9091, description="/metrics")
    advertise: AdvertisedAddress = Field("", description=_ADVERTISE)
    adapter: Annotated[TtsEngineName, Env("ADAPTER_TYPE")] = Field(
        "piper", description="piper, hibari, kokoro, cosyvoice or an installed package's engine"
    )
    default_model: Annotated[str, Env("DEFAULT_MODEL")] = Field(
        "piper-en-us-joe-medium", description="the voice that is loaded at the start"
    )
    slots: int = Field(
        8, ge=1, description="texts spoken at once; eight times as many calls may be heard"
    )
    threads_per_stream: int = Field(1, ge=1, description="CPU threads of one utterance")
    queue_wait_s: float = Field(
        0.25, ge=0.0, description="longest wait of a new utterance for a free slot"
    )
    resident_cap: Annotated[int, Env("RESIDENT_CAP")] = Field(
        2, ge=1, description="models in memory at once; the least recently used leaves"
    )
    ttl_ms: Annotated[int, Env("TTL_MS")] = Field(
        600_000, ge=0, description="idle time after which a model leaves; 0: never"
    )
    cosyvoice: CosyVoiceSection = CosyVoiceSection()


TURN_SOUND_MODEL = "smart-turn-v3"
"""Tells how finished a turn sounds."""


class AsrWorkerSection(Section):
    host: Host = Field("127.0.0.1", description="address both ports listen on")
    port: Port = Field(7002, description="gRPC")
    metrics_port: Port = Field(9092, description="/metrics")
    advertise: AdvertisedAddress = Field("", description=_ADVERTISE)
    adapter: Annotated[AsrEngineName, Env("ASR_ADAPTER")] = Field(
        AUTO,
        description="auto: moonshine for English without a GPU, else whisper; or moonshine "
        "(English, on CPUs), whisper, whisperx (with word times), an installed package's engine",
    )
    device: Annotated[Literal["auto", "cpu", "cuda"], Env("ASR_DEVICE")] = Field(
        "auto", description="auto, cpu or cuda"
    )
    model: str = Field("", description="a recognition model of this engine; empty: its own")
    language: LanguageCode = Field(
        "en", description="what people speak, where the call does not say"
    )
    slots: int = Field(8, ge=1, description="speakers listened to at once")
    threads: int = Field(2, ge=1, description="CPU threads of one decode")
    turn_sound: bool = Field(
        True,
        description="whether clients that ask are told how finished a turn sounds",
    )

    @property
    def engine(self) -> str:
        """The engine that `adapter` comes to on this machine."""
        if self.adapter != AUTO:
            return self.adapter
        named = models.manifest().get(self.model)
        if named is not None and named.kind == "recognition":
            return named.engine
        on_gpu = self.device == "cuda" or (self.device == "auto" and has_gpu())
        return "moonshine" if base_code(self.language) == "en" and not on_gpu else "whisper"

    def for_calls_in(self, language: str) -> Self:
        """The section of a worker that calls in this language ask: where that is not English,
        `auto` is whisper, whatever the worker expects of calls that do not say."""
        if self.adapter != AUTO or self.model or base_code(language) == "en":
            return self
        return self.model_copy(update={"adapter": "whisper"})

    @property
    def engine_model(self) -> str:
        """The model it loads; empty for an installed package's engine where none is named."""
        return self.model or ASR_MODELS.get(self.engine, "")


class WorkerSettings(Section):
    """All settings of the speech workers."""

    tts: TtsWorkerSection = TtsWorkerSection()
    asr: AsrWorkerSection = AsrWorkerSection()
    redis: RedisSection = RedisSection()
    tls: WorkerTlsSection = WorkerTlsSection()
    telemetry: WorkerTelemetrySection = WorkerTelemetrySection()

    def check_reach(self, part: Literal["tts", "asr"]) -> None:
        """Raises ConfigurationError where others than this machine could call, without TLS."""
        host = (self.tts if part == "tts" else self.asr).host
        if not (self.tls.is_configured or self.tls.insecure or is_loopback(host)):
            raise ConfigurationError(
                f"{part}.host is {host!r}, beyond this machine, and tls is not configured: set "
                "tls.ca, tls.cert and tls.key, or tls.insecure: true on a network that is itself "
                "safe"
            )

    def numbered(self, number: int) -> "WorkerSettings":
        """The settings of the `number`-th worker of its kind on this machine, from 1.

        Raises ConfigurationError when there is no port left for it.
        """
        step = PORT_STEP * (number - 1)
        changes = {"tts": _moved("tts", self.tts, step), "asr": _moved("asr", self.asr, step)}
        return self.model_copy(update=changes)


def load_worker(
    file: Path | None = None, *, environ: Mapping[str, str] = os.environ
) -> WorkerSettings:
    """Reads `configs/worker.yaml` (or `file`); raises ConfigurationError."""
    return load(WorkerSettings, file or config_file("worker.yaml"), environ=environ)


def _moved(part: str, section: TtsWorkerSection | AsrWorkerSection, step: int) -> Section:
    """The section with its ports `step` further."""
    ports = {"port": section.port + step, "metrics_port": section.metrics_port + step}
    for name, port in ports.items():
        if port > HIGHEST_PORT:
            raise ConfigurationError(
                f"{part}.{name} is {port} for one of several workers: choose a lower one to begin "
                "with"
            )
    host, _, port_given = section.advertise.rpartition(":")
    advertise = f"{host}:{int(port_given) + step}" if port_given.isdecimal() else section.advertise
    return section.model_copy(update={**ports, "advertise": advertise})
