"""What a visitor may know before a call: who hears, thinks and speaks, and what is kept of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.calls.voices import VoiceCatalog
from gateway.operations.health import GatewayProbes
from parley.app.agent import Agent
from parley.app.configured import app_reference, load_configured
from parley.clock import Clock, monotonic
from parley.discovery import Discovery
from parley.errors import ConfigurationError, SpeechError
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import DEFAULT_APP
from parley.settings.registry import ProviderSection
from parley.settings.values import is_loopback
from parley.settings.visitors import (
    DEFAULT_CHARACTERS,
    DEFAULT_QUESTIONS,
    MAX_INSTRUCTIONS_CHARS,
)
from parley.speech.admin import WorkerAdmin
from parley.speech.channel import Channels
from parley.speech.configured import recognition_discovery
from parley.tls import client_tls

ANSWER_WITHIN_S = 1.0
FRESH_S = 5.0
"""What was found serves all who ask within this time."""
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

_log = logging.getLogger(__name__)


class PartAbout(BaseModel):
    """`model` is the name of what works there, `engine` who runs it; empty: not known. `here`: on
    the machine of this gateway. `ok` None: not asked."""

    model_config = ConfigDict(frozen=True)

    model: str
    engine: str = ""
    here: bool = False
    ok: bool | None = None


class CharacterAbout(BaseModel):
    """Who the agent may be in a call. `instructions` where callers may write their own."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    instructions: str = ""


class InstructionsAbout(BaseModel):
    """Whether callers may write the instructions of their call, up to `longest` characters;
    `usual`: those it has without, told where they may."""

    model_config = ConfigDict(frozen=True)

    allowed: bool
    longest: int = MAX_INSTRUCTIONS_CHARS
    usual: str = ""


class KeptAbout(BaseModel):
    """What is kept, in days; 0: for good. `words_days` None: no longer than the process runs.
    `record`: empty, text or audio."""

    model_config = ConfigDict(frozen=True)

    words_days: int | None
    record: str
    record_days: int


class AboutCalls(BaseModel):
    """The answer of GET /api/about. No address and no key is in it. `ear` None: people type."""

    model_config = ConfigDict(frozen=True)

    status: str
    ear: PartAbout | None
    mind: PartAbout
    voice: PartAbout
    questions: tuple[str, ...]
    characters: tuple[CharacterAbout, ...]
    instructions: InstructionsAbout
    kept: KeptAbout


@dataclass(frozen=True)
class _Parts:
    """What works for every app."""

    ear: PartAbout | None
    mind: PartAbout
    voice: PartAbout


class AboutBook:
    """Writes the documents; use inside `running`. `voices`, the `speakers` behind them and `probes`
    are the gateway's own."""

    def __init__(
        self,
        settings: OrchestratorSettings,
        voices: VoiceCatalog,
        speakers: Discovery,
        probes: GatewayProbes,
        *,
        clock: Clock = monotonic,
    ) -> None:
        self._settings = settings
        self._voices = voices
        self._probes = probes
        self._clock = clock
        self._speakers = speakers
        self._listeners = recognition_discovery(settings)
        self._channels = Channels(client_tls(settings.tls))
        self._recognition = WorkerAdmin(self._listeners, self._channels, "recognition")
        self._http: aiohttp.ClientSession
        self._looking = asyncio.Lock()
        self._found: _Parts | None = None
        self._found_at_s = 0.0
        self._agents: dict[str, Agent | None] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        async with AsyncExitStack() as running:
            self._http = await running.enter_async_context(aiohttp.ClientSession(timeout=timeout))
            running.push_async_callback(self._channels.aclose)
            await running.enter_async_context(self._listeners.watching())
            yield

    async def about(self, app: str = "") -> AboutCalls:
        """Of calls that `app` answers, a name of agent.apps; empty: the usual one."""
        parts, health = await asyncio.gather(self._parts(), self._probes.health())
        agent = await self._agent(app)
        is_ours = self._has_our_instructions(agent, app)
        return AboutCalls(
            status=health.status,
            ear=parts.ear,
            mind=_mind_of(agent, parts.mind),
            voice=parts.voice.model_copy(update={"model": agent.voice})
            if agent is not None and agent.voice
            else parts.voice,
            questions=self._questions(agent, is_ours=is_ours),
            characters=self._characters() if is_ours else (),
            instructions=self._instructions() if is_ours else InstructionsAbout(allowed=False),
            kept=self._kept(),
        )

    # --- of the app

    async def _agent(self, app: str) -> Agent | None:
        """None: it cannot be loaded here, as in an image without it."""
        if app not in self._agents:
            try:
                agent = await asyncio.to_thread(load_configured, self._settings, app)
            except ConfigurationError as error:
                _log.warning("visitors are told nothing of the app: %s", error)
                self._agents[app] = None
            else:
                self._agents[app] = agent
        return self._agents[app]

    def _has_our_instructions(self, agent: Agent | None, app: str) -> bool:
        """Whether the agent goes by the instructions of the settings."""
        if agent is None:
            return app_reference(self._settings, app) == DEFAULT_APP
        return agent.engine is None and agent.instructions is None

    def _questions(self, agent: Agent | None, *, is_ours: bool) -> tuple[str, ...]:
        if agent is not None and agent.questions is not None:
            return tuple(agent.questions)
        questions = self._settings.visitors.questions
        if not is_ours or (questions == DEFAULT_QUESTIONS and not self._is_english):
            return ()
        return questions

    def _characters(self) -> tuple[CharacterAbout, ...]:
        visitors = self._settings.visitors
        if visitors.characters == DEFAULT_CHARACTERS and not self._is_english:
            return ()
        return tuple(
            CharacterAbout(
                name=name,
                title=character.title or name,
                instructions=character.instructions if visitors.may_instruct else "",
            )
            for name, character in visitors.characters.items()
        )

    def _instructions(self) -> InstructionsAbout:
        allowed = self._settings.visitors.may_instruct
        usual = self._settings.agent.instructions if allowed else ""
        return InstructionsAbout(allowed=allowed, usual=usual)

    def _kept(self) -> KeptAbout:
        sessions, record = self._settings.sessions, self._settings.record
        recorded = "audio" if record.audio else "text"
        return KeptAbout(
            words_days=None if sessions.store == "memory" else sessions.keep_days,
            record=recorded if record.enabled else "",
            record_days=record.keep_days,
        )

    @property
    def _is_english(self) -> bool:
        """The defaults are."""
        return self._settings.asr.language.lower().startswith("en")

    # --- of the parts

    async def _parts(self) -> _Parts:
        """Asked once for all who want to know at the same time."""
        async with self._looking:
            if self._found is None or self._clock() - self._found_at_s > FRESH_S:
                self._found = _Parts(
                    *await asyncio.gather(self._ear(), self._mind(), self._voice())
                )
                self._found_at_s = self._clock()
            return self._found

    async def _ear(self) -> PartAbout | None:
        if not self._settings.asr.enabled:
            return None
        answers = await self._recognition.status(timeout_s=ANSWER_WITHIN_S)
        await self._channels.forget_others({each.target for each in self._listeners.workers()})
        here = _are_here(self._listeners)
        for status in answers.given.values():
            model = status.voices[0].name if status.voices else status.engine
            return PartAbout(model=model, engine=status.engine, here=here, ok=True)
        return PartAbout(model="", here=here, ok=False)

    async def _voice(self) -> PartAbout:
        """The one of calls that ask for no other."""
        name, here = self._settings.tts.default_model, _are_here(self._speakers)
        try:
            listed = {voice.name: voice for voice in await self._voices.voices()}
        except SpeechError:
            return PartAbout(model=name, here=here, ok=False)
        voice = listed.get(name)
        engine = voice.engine if voice is not None else ""
        return PartAbout(model=name, engine=engine, here=here, ok=voice is not None)

    async def _mind(self) -> PartAbout:
        """The model that is asked first."""
        settings = self._settings
        if settings.models.is_configured:
            return _first_provider(settings)
        offered, ok = await self._offered_models()
        only = offered[0] if len(offered) == 1 else ""
        return PartAbout(
            model=settings.llm_model or only,
            engine="OpenAI" if settings.llm_is_at_openai else "",
            here=_is_here(settings.llm_url),
            ok=ok,
        )

    async def _offered_models(self) -> tuple[Sequence[str], bool | None]:
        """The names that the model's server tells, and whether it serves us; None: it answers, and
        tells no names."""
        key = self._settings.llm.api_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            async with self._http.get(f"{self._settings.llm_url}/models", headers=headers) as told:
                if told.status != HTTPStatus.OK:
                    refused = told.status in _REFUSALS or told.status >= 500
                    return (), False if refused else None
                listed = _ModelList.model_validate_json(await told.read())
        except (TimeoutError, aiohttp.ClientError) as error:
            _log.info("the language model does not tell its name: %s", type(error).__name__)
            return (), False
        except ValidationError:
            return (), None
        return [each.id for each in listed.data], True


class _ModelName(BaseModel):
    id: str


class _ModelList(BaseModel):
    data: tuple[_ModelName, ...] = ()


def _mind_of(agent: Agent | None, usual: PartAbout) -> PartAbout:
    """Where the agent has a model or an engine of its own, that."""
    if agent is not None and agent.engine is not None:
        return PartAbout(model=agent.name, engine="app")
    if agent is not None and agent.model:
        return usual.model_copy(update={"model": agent.model})
    return usual


def _first_provider(settings: OrchestratorSettings) -> PartAbout:
    """Of several; who answers is known with the answer only, so that none is asked here."""
    name = settings.models.order[0]
    provider = settings.models.providers.get(name, ProviderSection())
    kind = provider.kind or name
    own = {"local": settings.llm_url, "ollama": settings.models.ollama_url}
    model = provider.models[0] if provider.models else settings.llm.model
    if kind == "bedrock":
        model = model or settings.models.bedrock_model_id
    return PartAbout(
        model=model or name, engine=name, here=_is_here(provider.base_url or own.get(kind, ""))
    )


def _is_here(url: str) -> bool:
    """Whether what is asked there runs on this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def _are_here(discovery: Discovery) -> bool:
    """Whether all the workers that are known run on this machine."""
    hosts = [urlsplit(f"//{worker.target}").hostname or "" for worker in discovery.workers()]
    return bool(hosts) and all(map(is_loopback, hosts))
