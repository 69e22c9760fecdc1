"""Tools that a model may call, wherever they come from, and how one is called."""

import asyncio
import inspect
import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import to_json

from dialogue.answer_spans import traced_tool
from dialogue.messages import ToolRequest
from parley.app.session import ToolOutcome
from parley.app.tool import Tool, ToolContext, ToolError
from parley.errors import ParleyError

MAX_RESULT_CHARS = 6000
"""Of what the model is told by one tool: more would push the conversation out of its sight."""
DONE_BEFORE = "(This was done before and is not done twice. Tell the person.)"
"""For a model that asks for the same call again in the same answer."""
_THREADS = 32

_log = logging.getLogger(__name__)
_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tool")


class ToolArgumentsError(ParleyError):
    """Arguments that a tool cannot take; the text is for the model, which may try again."""


class CallableTool(Protocol):
    """A tool, wherever it comes from. The marks mean what they mean in `parley.tool`."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def schema(self) -> dict[str, JsonValue]: ...

    @property
    def says(self) -> str | None: ...

    @property
    def read_only(self) -> bool: ...

    @property
    def must_finish(self) -> bool: ...

    @property
    def needs_approval(self) -> bool: ...

    @property
    def timeout_s(self) -> float: ...

    async def run(self, arguments: dict[str, JsonValue], context: ToolContext) -> str:
        """Calls it; returns what the model is told.

        Raises ToolArgumentsError for arguments it cannot take, and ToolError for what the person
        is to be told; anything else is a fault of the tool.
        """
        ...


class ToolSource(Protocol):
    """Where the tools of an agent come from that are not declared: its MCP servers."""

    def start(self) -> None:
        """Begins to connect; needs a running event loop."""
        ...

    async def ready(self, timeout_s: float) -> bool:
        """Whether it is known within that time what there is to call."""
        ...

    def tools(self) -> Sequence[CallableTool]:
        """What may be called now; the same, in the same order, until it changes."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True)
class DeclaredTool:
    """A tool that was declared with `parley.tool`.

    A plain function runs in a thread. A thread cannot be cancelled, so it always finishes.
    """

    tool: Tool

    @property
    def name(self) -> str:
        return self.tool.name

    @property
    def description(self) -> str:
        return self.tool.description

    @cached_property
    def schema(self) -> dict[str, JsonValue]:
        return self.tool.schema

    @property
    def says(self) -> str | None:
        return self.tool.says

    @property
    def read_only(self) -> bool:
        return self.tool.read_only

    @property
    def must_finish(self) -> bool:
        return self.tool.must_finish or not inspect.iscoroutinefunction(self.tool.function)

    @property
    def needs_approval(self) -> bool:
        return self.tool.needs_approval

    @property
    def timeout_s(self) -> float:
        return self.tool.timeout_s

    async def run(self, arguments: dict[str, JsonValue], context: ToolContext) -> str:
        try:
            valid = self.tool.parameters.model_validate(arguments)
        except ValidationError as error:
            raise ToolArgumentsError(_what_is_wrong(error)) from None
        given: dict[str, Any] = {name: getattr(valid, name) for name in type(valid).model_fields}
        if self.tool.context_parameter is not None:
            given[self.tool.context_parameter] = context
        return as_text(await _call(self.tool.function, given))


@dataclass(frozen=True)
class RenamedTool:
    """A tool under another name, where two have the same."""

    name: str
    description: str
    schema: dict[str, JsonValue]
    says: str | None
    read_only: bool
    must_finish: bool
    needs_approval: bool
    timeout_s: float
    tool: CallableTool

    async def run(self, arguments: dict[str, JsonValue], context: ToolContext) -> str:
        return await self.tool.run(arguments, context)


def renamed(tool: CallableTool, name: str) -> CallableTool:
    return RenamedTool(
        name=name,
        description=tool.description,
        schema=tool.schema,
        says=tool.says,
        read_only=tool.read_only,
        must_finish=tool.must_finish,
        needs_approval=tool.needs_approval,
        timeout_s=tool.timeout_s,
        tool=tool,
    )


async def _call(function: Callable[..., Any], given: Mapping[str, Any]) -> object:
    if inspect.iscoroutinefunction(function):
        return await function(**given)
    loop = asyncio.get_running_loop()
    # Not the loop's own threads: tools that hang there would keep names from being looked up.
    called = partial(copy_context().run, partial(function, **given))
    result = await loop.run_in_executor(_threads, called)
    return await result if isinstance(result, Awaitable) else result


def as_text(result: object) -> str:
    """What the model is told of a tool's result: text as it is, everything else as JSON."""
    if result is None:
        return "Done."
    if isinstance(result, str):
        return result
    if isinstance(result, BaseModel):
        return result.model_dump_json()
    return to_json(result, fallback=str).decode()


def parse_arguments(text: str) -> dict[str, JsonValue]:
    """The arguments of a call; raises ToolArgumentsError for what is no JSON object."""
    try:
        arguments = json.loads(text.strip() or "{}")
    except json.JSONDecodeError as error:
        raise ToolArgumentsError(f"The arguments are not valid JSON: {error}.") from None
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise ToolArgumentsError("The arguments must be a JSON object.")
    return arguments


async def run_tool(
    tool: CallableTool, arguments: dict[str, JsonValue], context: ToolContext
) -> tuple[ToolOutcome, str]:
    """Calls the tool; how it ended and what the model is told. Raises only CancelledError, and
    that only where its task was cancelled."""
    with traced_tool(tool.name, arguments) as ended:
        outcome, result = await _run(tool, arguments, context)
        ended(outcome, result)
        return outcome, result


async def _run(
    tool: CallableTool, arguments: dict[str, JsonValue], context: ToolContext
) -> tuple[ToolOutcome, str]:
    limit = asyncio.timeout(tool.timeout_s)
    try:
        async with limit:
            result = await tool.run(arguments, context)
    except ToolArgumentsError as error:
        why = f"Wrong arguments: {error}"
    except ToolError as error:
        why = f"Failed. Tell the person: {error}"
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        why = _fault(tool, error, context)  # something that the tool waited for was cancelled
    except Exception as error:
        why = _late(tool, context) if limit.expired() else _fault(tool, error, context)
    else:
        if len(result) > MAX_RESULT_CHARS:
            result = f"{result[:MAX_RESULT_CHARS]} … (the rest is left out)"
        return "done", result
    return "failed", why


def call_key(request: ToolRequest) -> tuple[str, str]:
    """The same for calls of the same tool with the same arguments."""
    try:
        arguments = json.dumps(parse_arguments(request.arguments), sort_keys=True)
    except ToolArgumentsError:
        arguments = request.arguments
    return request.name, arguments


def offered_names(request: ToolRequest, tools: Sequence[CallableTool]) -> str:
    """What a model is told that calls a tool which there is not."""
    names = ", ".join(tool.name for tool in tools) or "none"
    return f"There is no tool {request.name!r}. The tools are: {names}."


def _late(tool: CallableTool, context: ToolContext) -> str:
    _log.warning("tool %s took too long: session %s", tool.name, context.session.id)
    return (
        f"The tool did not answer within {tool.timeout_s:g} seconds; it is not known whether it "
        "did its work. Apologize."
    )


def _fault(tool: CallableTool, error: BaseException, context: ToolContext) -> str:
    # Without the error's text, which may hold what the person said.
    _log.error(
        "tool %s failed with %s: session %s\n%s",
        tool.name,
        type(error).__name__,
        context.session.id,
        "".join(traceback.format_tb(error.__traceback__)[-3:]),
    )
    return "The tool failed. Apologize, and say what did not work."


def _what_is_wrong(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}"
        for item in found
    )
