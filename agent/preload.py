"""What every job process needs, imported once in the process that they are forked from.

Elsewhere these imports are lazy, and would stall the event loop of each first call for tenths of a
second. No channel, thread or event loop may be made here: they do not survive the fork.
"""

import importlib

from agent.health.metric_files import use_allocated_files

_LAZY = (
    "agent.call",
    "aiosqlite",
    "anyio._backends._asyncio",
    "anyio.streams.stapled",
    "openai.resources.chat.completions.completions",
    "openai.resources.models",
    "sqlalchemy.dialects.sqlite.aiosqlite",
)

use_allocated_files()
for _name in _LAZY:
    importlib.import_module(_name)
