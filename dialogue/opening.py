"""Everything that one conversation stands on, opened and closed together."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import openai

from dialogue.app_services import serving
from dialogue.approvals.store import ApprovalStore
from dialogue.checkpoints.pipelines import Pipelines
from dialogue.conversation import Conversation
from dialogue.experiments.experiments import Experiments
from dialogue.model import ChatModel, build_model
from dialogue.model_pace import ModelPace
from dialogue.resources import Resources
from dialogue.sessions.store import SessionRecord, SessionStore
from dialogue.tools import ToolSource
from parley.app.agent import Agent, declared_agents
from parley.app.mcp import McpServer
from parley.settings import OrchestratorSettings

if TYPE_CHECKING:
    from dialogue.orchestration.opening import Grounding
    from dialogue.providers.registry import ModelRegistry


@asynccontextmanager
async def conversing(  # noqa: PLR0913 - all it stands on
    app: Agent,
    record: SessionRecord,
    settings: OrchestratorSettings,
    *,
    client: openai.AsyncClient,
    store: SessionStore,
    resumed: bool = False,
    is_new: bool = False,
    approvals: ApprovalStore | None = None,
    experiments: Experiments | None = None,
    pipelines: Pipelines | None = None,
    servers_within_s: float = 0.0,
    on_lost: Callable[[str, str], None] = lambda what, why: None,
    pace: ModelPace | None = None,
    models: "ModelRegistry | None" = None,
) -> AsyncGenerator[Conversation]:
    """The conversation of `record` with the app; the client, the store and `models` stay open.

    `resumed`: another process goes on with it; `is_new`: its id has just been made.
    `servers_within_s`: how long the opening waits for MCP servers; a front that greets need not.
    `on_lost` is told what fails meanwhile, and why;
    `pace`, how soon the model answers. `models`: of a process with many; None: its own, if any.
    """

    def servers(declared: Sequence[McpServer]) -> ToolSource:
        from dialogue.mcp import McpTools  # noqa: PLC0415 - its SDK takes half a second

        return McpTools(declared, on_problem=lambda name, why: on_lost(f"MCP server {name}", why))

    async with AsyncExitStack() as opened:
        await opened.enter_async_context(serving(app))
        known = await opened.enter_async_context(_known(app, settings))
        resources = Resources(
            model=await opened.enter_async_context(_model(settings, client, pace, models)),
            fills_forms=settings.models.is_configured or not settings.llm_is_local,
            instructions=settings.agent.instructions,
            default_examples=settings.llm_is_local and not settings.models.is_configured,
            approvals=approvals,
            approval_expires_s=settings.approvals.expires_s,
            overrides=experiments.overrides_for if experiments is not None else None,
            pipelines=pipelines,
            sources=servers,
            services=known.services if known is not None else None,
            thinking=known.thinking if known is not None else None,
        )
        conversation = await Conversation.open(
            store,
            record,
            app,
            resources,
            resumed=resumed,
            is_new=is_new,
            on_store_lost=lambda error: on_lost("the session store", str(error)),
        )
        opened.push_async_callback(conversation.aclose)
        if servers_within_s:
            await conversation.servers_ready(servers_within_s)
        yield conversation


@asynccontextmanager
async def _known(app: Agent, settings: OrchestratorSettings) -> AsyncGenerator["Grounding | None"]:
    """What grounded agents of the app know; None: there is none of them."""
    if not any(agent.grounded for agent in declared_agents(app)):
        yield None
        return
    from dialogue.orchestration.opening import grounding  # noqa: PLC0415 - few are

    async with grounding(settings) as known:
        yield known


@asynccontextmanager
async def _model(
    settings: OrchestratorSettings,
    client: openai.AsyncClient,
    pace: ModelPace | None,
    models: "ModelRegistry | None",
) -> AsyncGenerator[ChatModel]:
    """One, over the client that is there; or several providers, with connections of their own."""
    if models is not None:
        yield models.model(pace=pace)
        return
    if not settings.models.is_configured:
        yield build_model(settings, client, pace)
        return
    from dialogue.providers.opening import opened_models  # noqa: PLC0415 - few have several

    async with opened_models(settings) as registry:
        yield registry.model(pace=pace)
