"""Parley's public words: `from parley import Agent, tool`.

Loaded when they are asked for, so that `./run help` needs nothing that is installed.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parley.app.agent import Agent as Agent
    from parley.app.agent import ExampleExchange as ExampleExchange
    from parley.app.agent import HandOff as HandOff
    from parley.app.agent import SilencePrompts as SilencePrompts
    from parley.app.app_service import AppService as AppService
    from parley.app.app_service import Media as Media
    from parley.app.app_service import MediaRefusedError as MediaRefusedError
    from parley.app.engine import Engine as Engine
    from parley.app.engine import ResumableEngine as ResumableEngine
    from parley.app.engine import Turn as Turn
    from parley.app.events import ApprovalPending as ApprovalPending
    from parley.app.events import Clarification as Clarification
    from parley.app.events import Done as Done
    from parley.app.events import Error as Error
    from parley.app.events import Event as Event
    from parley.app.events import Filler as Filler
    from parley.app.events import Grounded as Grounded
    from parley.app.events import Handoff as Handoff
    from parley.app.events import HangUp as HangUp
    from parley.app.events import Progress as Progress
    from parley.app.events import Results as Results
    from parley.app.events import TextDelta as TextDelta
    from parley.app.events import ToolFinished as ToolFinished
    from parley.app.events import ToolStarted as ToolStarted
    from parley.app.events import Usage as Usage
    from parley.app.hang_up import hang_up as hang_up
    from parley.app.language_model import LanguageModel as LanguageModel
    from parley.app.language_model import LanguageModelError as LanguageModelError
    from parley.app.mcp import McpServer as McpServer
    from parley.app.session import Session as Session
    from parley.app.tool import ToolContext as ToolContext
    from parley.app.tool import ToolError as ToolError
    from parley.app.tool import tool as tool
    from parley.app.turn_policy import Meaning as Meaning
    from parley.app.turn_policy import Overlap as Overlap
    from parley.app.turn_policy import TurnPolicy as TurnPolicy
    from parley.app.turn_policy import TurnThresholds as TurnThresholds

__version__ = "0.2.0.dev0"

_HOMES = {
    "agent": ("Agent", "ExampleExchange", "HandOff", "SilencePrompts"),
    "app_service": ("AppService", "Media", "MediaRefusedError"),
    "engine": ("Engine", "ResumableEngine", "Turn"),
    "events": (
        "ApprovalPending",
        "Clarification",
        "Done",
        "Error",
        "Event",
        "Filler",
        "Grounded",
        "HangUp",
        "Handoff",
        "Progress",
        "Results",
        "TextDelta",
        "ToolFinished",
        "ToolStarted",
        "Usage",
    ),
    "hang_up": ("hang_up",),
    "language_model": ("LanguageModel", "LanguageModelError"),
    "mcp": ("McpServer",),
    "session": ("Session",),
    "tool": ("ToolContext", "ToolError", "tool"),
    "turn_policy": ("Meaning", "Overlap", "TurnPolicy", "TurnThresholds"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)  # noqa: PLE0605 - the names are strings


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'parley' has no attribute {name!r}")
    return getattr(importlib.import_module(f"parley.app.{_HOME[name]}"), name)
