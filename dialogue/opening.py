"""Everything that one conversation stands on, opened and closed together."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import openai

from dialogue.app_services import serving
from dialogue.approvals import Approvals
from dialogue.conversation import Conversation
from dialogue.model import build_model
from dialogue.model_pace import ModelPace
from dialogue.resources import Resources
from dialogue.sessions.store import SessionRecord, SessionStore
from dialogue.tools import ToolSource
from parley.app.agent import Agent
from parley.app.mcp import McpServer
from parley.settings import OrchestratorSettings


@asynccontextmanager
async def conversing(  # noqa: PLR0913 - all it stands on
    app: Agent,
    record: SessionRecord,
    settings: OrchestratorSettings,
    *,
    client: openai.AsyncClient,
    store: SessionStore,
    resumed: bool = False,
    approvals: Approvals | None = None,
    servers_within_s: float = 0.0,
    on_lost: Callable[[str, str], None] = lambda what, why: None,
    pace: ModelPace | None = None,
) -> AsyncGenerator[Conversation]:
    """The conversation of `record` with the app; the client and the store stay open.

    `resumed`: another process goes on with it. `servers_within_s`: how long the opening waits for
    MCP servers; a front that greets need not. `on_lost` is told what fails meanwhile, the store
    or an MCP server, and why; `pace`, how soon the model answers.
    """

    def servers(declared: Sequence[McpServer]) -> ToolSource:
        from dialogue.mcp import McpTools  # noqa: PLC0415 - its SDK takes half a second

        return McpTools(declared, on_problem=lambda name, why: on_lost(f"MCP server {name}", why))

    async with AsyncExitStack() as opened:
        await opened.enter_async_context(serving(app))
        resources = Resources(
            model=build_model(settings, client, pace),
            fills_forms=not settings.llm_is_local,
            instructions=settings.agent.instructions,
            default_examples=settings.llm_is_local,
            approvals=approvals,
            sources=servers,
        )
        conversation = await Conversation.open(
            store,
            record,
            app,
            resources,
            resumed=resumed,
            on_store_lost=lambda error: on_lost("the session store", str(error)),
        )
        opened.push_async_callback(conversation.aclose)
        if servers_within_s:
            await conversation.servers_ready(servers_within_s)
        yield conversation
