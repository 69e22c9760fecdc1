"""Everything that one conversation stands on, opened and closed together."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import openai

from dialogue.approvals import Approvals
from dialogue.conversation import Conversation
from dialogue.declared_engine import declared_agents
from dialogue.model import build_model
from dialogue.resources import Resources
from dialogue.sessions.store import SessionRecord, SessionStore
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
) -> AsyncGenerator[Conversation]:
    """The conversation of `record` with the app; the client and the store stay open.

    `resumed`: another process goes on with it. `servers_within_s`: how long the opening waits for
    MCP servers; a front that greets need not. `on_lost` is told what fails meanwhile, the store
    or an MCP server, and why.
    """
    async with AsyncExitStack() as opened:
        sources = None
        if servers := _servers(app):
            from dialogue.mcp import McpTools  # noqa: PLC0415 - its SDK takes half a second
            from dialogue.mcp.source import McpSource  # noqa: PLC0415

            tools = await opened.enter_async_context(
                McpTools(servers, on_problem=lambda name, why: on_lost(f"MCP server {name}", why))
            )
            await tools.ready(servers_within_s)
            sources = partial(McpSource, tools)
        resources = Resources(
            model=build_model(settings, client),
            instructions=settings.agent.instructions,
            approvals=approvals,
            sources=sources,
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
        yield conversation


def _servers(app: Agent) -> list[McpServer]:
    """Those of the agent and of all that it may hand over to, each once."""
    servers: dict[str, McpServer] = {}
    for agent in declared_agents(app):
        for server in agent.mcp:
            servers.setdefault(server.name, server)
    return list(servers.values())
