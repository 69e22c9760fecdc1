"""What the engines of all sessions of a process stand on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dialogue.approvals.store import ApprovalStore
from dialogue.checkpoints.pipelines import Pipelines
from dialogue.experiments.variation import OverridesOf
from dialogue.model import ChatModel
from dialogue.orchestration.thinking import Thinking
from dialogue.services.services import Services
from dialogue.tools import ToolSource
from parley.app.mcp import McpServer
from parley.clock import Clock, monotonic


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Made once and shared; whoever makes them closes them."""

    model: ChatModel
    fills_forms: bool = True
    """Whether the model is large enough to fill a JSON schema that an engine gives it."""
    instructions: str
    """Of agents that declare none."""
    default_examples: bool = True
    """Whether such agents are shown the examples that go with the default instructions: a model of
    somebody's own needs none, and reads them for money."""
    approvals: ApprovalStore | None = None
    """None: calls that need approval are refused."""
    approval_expires_s: float = 900.0
    """What nobody has decided by then is not run."""
    overrides: OverridesOf | None = None
    """What experiments want otherwise for a user; None: nothing."""
    pipelines: Pipelines | None = None
    """Keeps what each turn has done so far; None: nothing is kept."""
    sources: Callable[[Sequence[McpServer]], ToolSource] | None = None
    """Makes the tools of an agent's MCP servers for one session, which starts and closes them.
    None: agents have only the tools that they declare."""
    services: Services | None = None
    """Whose operations agents may call that are `grounded`."""
    thinking: Thinking | None = None
    """Finds out what agents are told that are `grounded`. None: they are answered without."""
    clock: Clock = monotonic
    """What `Turn.waiting_since_s` is read from."""
