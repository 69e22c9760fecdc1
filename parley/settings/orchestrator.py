"""Settings of the agent and the gateway (`configs/orchestrator.yaml`)."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from parley.errors import ConfigurationError
from parley.settings.approvals import ApprovalsSection
from parley.settings.budgets import BudgetsSection
from parley.settings.chat import ChatSection
from parley.settings.checkpoints import CheckpointsSection
from parley.settings.engines import AUTO
from parley.settings.experiments import ExperimentsSection
from parley.settings.intents import IntentsSection
from parley.settings.orchestration import (
    CacheSection,
    DatabaseSection,
    LoggingSection,
    MonitoringSection,
    OrchestrationSection,
    StorageSection,
)
from parley.settings.record import RecordSection, WebhookSection
from parley.settings.redis import RedisSection
from parley.settings.registry import ModelsSection
from parley.settings.retrieval import RetrievalSection
from parley.settings.security import SecuritySection
from parley.settings.server import ServerSection
from parley.settings.services import ServicesSection
from parley.settings.source import Env, Section, config_file, load
from parley.settings.telemetry import TelemetrySection
from parley.settings.telephone import TelephoneSection
from parley.settings.tls import ClientTlsSection
from parley.settings.turn import TurnSection
from parley.settings.values import (
    ApiKey,
    AppName,
    Host,
    HttpAddress,
    LanguageCode,
    LiveKitAddress,
    OptionalLiveKitAddress,
    Port,
    VariableName,
    WorkerAddresses,
    is_loopback,
)
from parley.settings.visitors import VisitorsSection

SMALL_LLM = "qwen2.5-0.5b-instruct"
LARGE_LLM = "qwen2.5-coder-1.5b-instruct"
"""The models that `up` can serve on this machine; ops/llm_choice.py chooses."""
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_MODEL = "gpt-4o-mini"

DEFAULT_INSTRUCTIONS = (
    "You are Parley, a warm, curious and slightly playful friend on the phone. You are a computer "
    "program, not a person. Reply in one or two short, natural sentences, as people talk. Use "
    "plain words only: no lists, no markdown, no emoji, no code. What you hear comes from speech "
    "recognition and may contain mistakes; if it makes no sense, ask briefly. Answer questions "
    "directly, then stop. When they tell you something, react to it in a few words. Remember what "
    "they have told you about themselves. Asked for an opinion or a favorite, pick one and say "
    "why. Asked for steps, give the first and offer to go on. If you do not know, say so. If they "
    "are upset, be kind first. If something is dangerous, medical or legal, say the most important "
    "thing and send them to a professional. Do not repeat the question, do not apologize, and do "
    "not end every answer with a question."
)


class LiveKitSection(Section):
    url: Annotated[LiveKitAddress, Env("LIVEKIT_URL")] = Field(
        "ws://127.0.0.1:7880", description="the server; one elsewhere needs the keys below"
    )
    public_url: OptionalLiveKitAddress = Field(
        "", description="the URL browsers use; empty: the same as url"
    )
    api_key: Annotated[str, Env("LIVEKIT_API_KEY")] = Field(
        "", description="empty: `up` makes a key and a secret, and keeps them"
    )
    api_secret: Annotated[SecretStr, Env("LIVEKIT_API_SECRET")] = Field(
        SecretStr(""), description="at least 32 characters"
    )
    agent_name: str = Field(
        "parley", min_length=1, max_length=200, description="the name jobs are dispatched to"
    )


DiscoveryKind = Literal["static", "dns", "redis"]
_DISCOVERY = (
    "how workers are found: static, at worker_address; dns, at each address of that name; or "
    "redis, where they register"
)


PORT_STEP = 10
"""Between the ports of one worker and the next that `up` starts: those between are others'."""


class TtsSection(Section):
    workers: int = Field(
        1,
        ge=1,
        le=16,
        description="TTS workers that `up` starts, all with the settings of worker.yaml; each "
        "listens 10 ports further than the one before it, also from worker_address on",
    )
    discovery: DiscoveryKind = Field("static", description=_DISCOVERY)
    worker_address: WorkerAddresses = Field(
        "127.0.0.1:7001", description="host:port, several with commas"
    )
    default_model: Annotated[str, Env("DEFAULT_MODEL")] = Field(
        "piper-en-us-joe-medium",
        min_length=1,
        description="the voice of calls that ask for no other",
    )
    voices: tuple[str, ...] = Field(
        (),
        description="those that callers may choose beside default_model, fetched if need be; "
        "gateway and agent refuse others; empty: those that are on the workers' machines already",
    )
    speed: float = Field(1.0, ge=0.5, le=2.0, description="of speech: 0.5 to 2")


class AsrSection(Section):
    enabled: Annotated[bool, Env("ASR_ENABLED")] = Field(
        True, description="false: people type, and nothing listens"
    )
    discovery: DiscoveryKind = Field("static", description=_DISCOVERY)
    worker_address: WorkerAddresses = Field(
        "127.0.0.1:7002", description="host:port, several with commas"
    )
    adapter: Annotated[str, Env("ASR_ADAPTER")] = Field(
        AUTO, description="whisperx: word times are asked for; else the workers' own engine"
    )
    language: LanguageCode = Field("en", description="what people speak")


class LlmSection(Section):
    base_url: Annotated[HttpAddress, Env("OPENAI_BASE_URL")] = Field(
        "", description="OpenAI-compatible API; empty: OpenAI with a key, the local LLM without"
    )
    api_key: Annotated[ApiKey, Env("OPENAI_API_KEY")] = Field(
        SecretStr(""), description="of that API"
    )
    model: Annotated[str, Env("LLM_MODEL")] = Field(
        "", description="empty: the local model, gpt-4o-mini at OpenAI, or the only one elsewhere"
    )
    local_model: Annotated[
        Literal["auto", "qwen2.5-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"],
        Env("LLM_LOCAL_MODEL"),
    ] = Field(
        "auto",
        description="what `up` serves here; auto: the 1.5b where there are four cores and 4 GB "
        "of free memory, else the 0.5b",
    )
    local_host: Host = Field(
        "127.0.0.1",
        description="where the local LLM is asked; not this machine: `up` starts none",
    )
    local_port: Port = Field(7003, description="where `up` serves the local LLM")
    temperature: float = Field(0.4, ge=0.0, le=2.0, description="0: always the likeliest word")
    max_tokens: int = Field(160, ge=1, description="longest answer")


_LOOPBACK = ("127.0.0.1", "localhost", "::1")

DEFAULT_APP = "apps.assistant:agent"


def _from_json(value: Any) -> Any:
    """A variable of the environment holds the mapping as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError('expected JSON such as {"name": "my_agent.py"}') from None


class AgentSection(Section):
    app: Annotated[str, Env("PARLEY_APP")] = Field(
        DEFAULT_APP,
        min_length=1,
        description="who answers: my_agent.py, my_agent.py:name or package.module:name; a relative "
        "file is one of this folder",
    )
    apps: Annotated[Mapping[AppName, str], Env("PARLEY_APPS"), BeforeValidator(_from_json)] = Field(
        {}, description="others that a call may ask for: name and app (the variable: as JSON)"
    )
    environment: tuple[VariableName, ...] = Field(
        (),
        description="variables that the agent gets for its app's tools; those that begin with "
        "APP_ it gets anyway",
    )
    tool_events: Literal["auto", "names", "full"] = Field(
        "auto",
        description="what a client is told of tool calls: names, or full, with arguments and "
        "results; auto: full while the gateway listens on the loopback only",
    )
    instructions: str = Field(DEFAULT_INSTRUCTIONS, description="what the LLM is told first")
    greeting: str = Field(
        "Hi, I'm Parley. What can I do for you?", description="said first; empty: nothing"
    )
    caller_may_approve: bool = Field(
        False,
        description="whether the caller's own client decides on tools that need approval; false: "
        "operators alone do",
    )
    max_call_s: int = Field(
        3600, ge=0, description="after which a call is ended, with a word; 0: never"
    )
    idle_s: int = Field(
        120,
        ge=0,
        description="silence after which the agent asks whether the person is there; after two "
        "questions it ends the call; 0: never. An agent may declare its own",
    )
    max_sessions: int = Field(4, ge=1, description="calls this agent takes at once")
    idle_processes: int = Field(1, ge=0, description="warm processes waiting for a call")
    drain_timeout_s: int = Field(
        3600, ge=0, description="how long calls may go on after the agent was told to end"
    )


class SessionsSection(Section):
    """Where conversations are kept, so that they outlive the process that holds them."""

    store: Literal["memory", "redis", "sql"] = Field(
        "sql", description="memory: as long as the process; redis; or sql: SQLite or PostgreSQL"
    )
    url: Annotated[SecretStr, Env("SESSIONS_URL")] = Field(
        SecretStr(""),
        description="redis://…, postgresql://… or sqlite:////file; empty: for sql, the SQLite "
        "file sessions.db in the state folder",
    )
    keep_days: int = Field(
        30,
        ge=0,
        description="since a session began, an approval was decided or expired, or an app's "
        "request was last changed; 0: forever",
    )


class EvaluationSection(Section):
    """The model that `./run eval` has judge answers."""

    judge_model: Annotated[str, Env("JUDGE_MODEL")] = Field(
        "", description="its name; empty: what it would judge is skipped"
    )
    judge_base_url: Annotated[HttpAddress, Env("JUDGE_BASE_URL")] = Field(
        "", description="its API; empty: OpenAI with a key, that of llm without"
    )
    judge_api_key: Annotated[ApiKey, Env("JUDGE_API_KEY")] = Field(
        SecretStr(""), description="of that API"
    )


_OWN_DATABASES = {
    "sessions": "url",
    "approvals": "url",
    "experiments": "url",
    "checkpoints": "url",
    "retrieval": "database",
    "security": "url",
}
"""Sections whose key names a database that may be one of their own."""


class OrchestratorSettings(Section):
    """All settings of the agent and the gateway."""

    server: ServerSection = ServerSection()
    budgets: BudgetsSection = BudgetsSection()
    livekit: LiveKitSection = LiveKitSection()
    tts: TtsSection = TtsSection()
    asr: AsrSection = AsrSection()
    llm: LlmSection = LlmSection()
    agent: AgentSection = AgentSection()
    telephone: TelephoneSection = TelephoneSection()
    visitors: VisitorsSection = VisitorsSection()
    turn: TurnSection = TurnSection()
    sessions: SessionsSection = SessionsSection()
    chat: ChatSection = ChatSection()
    record: RecordSection = RecordSection()
    webhooks: WebhookSection = WebhookSection()
    evaluation: EvaluationSection = EvaluationSection()
    experiments: ExperimentsSection = ExperimentsSection()
    approvals: ApprovalsSection = ApprovalsSection()
    checkpoints: CheckpointsSection = CheckpointsSection()
    models: ModelsSection = ModelsSection()
    intents: IntentsSection = IntentsSection()
    retrieval: RetrievalSection = RetrievalSection()
    services: ServicesSection = ServicesSection()
    security: SecuritySection = SecuritySection()
    redis: RedisSection = RedisSection()
    tls: ClientTlsSection = ClientTlsSection()
    telemetry: TelemetrySection = TelemetrySection()
    orchestration: OrchestrationSection = OrchestrationSection()
    storage: StorageSection = StorageSection()
    database: DatabaseSection = DatabaseSection()
    cache: CacheSection = CacheSection()
    logging: LoggingSection = LoggingSection()
    monitoring: MonitoringSection = MonitoringSection()

    @property
    def agent_targets(self) -> str:
        """Where agents say how many calls they have: host:port, several with commas."""
        server = self.server
        if server.agent_address:
            return server.agent_address
        host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104
        return (
            f"[{host}]:{server.health_check_port}"
            if ":" in host
            else (f"{host}:{server.health_check_port}")
        )

    @property
    def tool_details_are_shown(self) -> bool:
        """Whether a caller's client is told the arguments and results of tool calls."""
        wanted = self.agent.tool_events
        return wanted == "full" or (wanted == "auto" and self.server.host in _LOOPBACK)

    @property
    def sessions_redis_url(self) -> str:
        """The Redis that the orchestrator's processes share; empty: each is alone. Raises
        ConfigurationError where there is to be one and it has no address."""
        if self.cache.type == "redis" and not self.redis.url:
            raise ConfigurationError(
                "cache.type is redis, but redis.url (REDIS_URL) is empty: set it to "
                "redis://host:port"
            )
        return "" if self.cache.type == "memory" else self.redis.url

    def over_one_database(self) -> "OrchestratorSettings":
        """Where storage.type is sql, what has no database of its own is kept in the one of
        database.url; raises ConfigurationError where that is empty."""
        if self.storage.type != "sql":
            return self
        if not self.database.url.get_secret_value():
            raise ConfigurationError(
                "storage.type is sql, but database.url (DATABASE_URL) is empty: set it to "
                "postgresql://user:password@host:port/database"
            )
        changed: dict[str, Section] = {}
        for name, key in _OWN_DATABASES.items():
            section: Section = getattr(self, name)
            if not getattr(section, key).get_secret_value():
                changed[name] = section.model_copy(update={key: self.database.url})
        return self.model_copy(update=changed)

    @property
    def llm_is_local(self) -> bool:
        """Whether our own LLM (`ops.local_llm`) is used: no key and no base URL are configured."""
        return not self.llm.base_url and not self.llm.api_key.get_secret_value()

    @property
    def llm_is_on_this_machine(self) -> bool:
        """Whether `up` serves it."""
        return self.llm_is_local and is_loopback(self.llm.local_host)

    @property
    def llm_url(self) -> str:
        """Where the OpenAI-compatible API is, without a slash at the end."""
        if self.llm_is_local:
            host = self.llm.local_host
            return f"http://{f'[{host}]' if ':' in host else host}:{self.llm.local_port}/v1"
        return (self.llm.base_url or OPENAI_URL).rstrip("/")

    @property
    def llm_is_at_openai(self) -> bool:
        return self.llm_url == OPENAI_URL

    @property
    def llm_model(self) -> str:
        """The name the model is asked by; empty: whichever the server offers, if one alone."""
        if self.llm.model:
            return self.llm.model
        if self.llm_is_local:
            return "" if self.llm.local_model == "auto" else self.llm.local_model
        return OPENAI_MODEL if self.llm_is_at_openai else ""


def load_orchestrator(
    file: Path | None = None, *, environ: Mapping[str, str] = os.environ
) -> OrchestratorSettings:
    """Reads `configs/orchestrator.yaml` (or `file`); raises ConfigurationError."""
    return load(OrchestratorSettings, file or config_file("orchestrator.yaml"), environ=environ)
