"""A function that the model may call: its annotations and its docstring are all there is to say."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, JsonValue, PydanticSchemaGenerationError, create_model

from parley.app.session import Session
from parley.errors import ConfigurationError


class ToolError(Exception):
    """Raised by a tool for the person: the model is told the text, and says it in its words."""


class ToolDeclarationError(ConfigurationError):
    """A function that cannot be a tool; the text names file and line."""


class ToolContext(Protocol):
    """What a tool may ask of the conversation: given to a parameter annotated with this type."""

    @property
    def session(self) -> Session:
        """The conversation that the tool was called in."""
        ...

    @property
    def turn_id(self) -> str:
        """Of the turn that is being answered."""
        ...

    def say(self, text: str) -> None:
        """Says a sentence while the tool runs; it is not remembered."""
        ...

    def hang_up(self) -> None:
        """Ends the conversation once the answer to this turn has been heard."""
        ...

    def hand_off(self, agent: str) -> None:
        """Has the declared agent of that name take over once the tool has returned."""
        ...


@dataclass(frozen=True)
class Tool:
    """A declared tool; calling it calls the function."""

    function: Callable[..., Any]
    name: str
    description: str
    parameters: type[BaseModel]
    """Validates the arguments that a model gives."""
    context_parameter: str | None
    says: str | None
    read_only: bool
    must_finish: bool
    needs_approval: bool
    timeout_s: float

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def schema(self) -> dict[str, JsonValue]:
        """JSON schema of the arguments, as the chat completions API wants it."""
        schema = self.parameters.model_json_schema()
        schema.pop("title", None)
        schema.setdefault("properties", {})
        return schema


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    says: str | None = None,
    read_only: bool = False,
    must_finish: bool = False,
    needs_approval: bool = False,
    timeout_s: float = 30.0,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    says: str | None = None,
    read_only: bool = False,
    must_finish: bool = False,
    needs_approval: bool = False,
    timeout_s: float = 30.0,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Makes a tool of a function with annotated parameters and a docstring, which the model reads.

    `says`: spoken when the tool takes long, in place of the language's default. `read_only`: it
    may run on a guess, before it is sure that the person has finished. `must_finish`: an
    interruption does not cancel it. `needs_approval`: it waits until somebody approves the call.
    `timeout_s`: seconds after which it is given up.

    A plain function runs in a thread of its own, so that it cannot hold up the conversation; a
    thread cannot be cancelled, so it goes on to its end whatever happens, as with `must_finish`.

    Raises ToolDeclarationError, with file and line, for a function that cannot be one.
    """

    def declare(function: Callable[..., Any]) -> Tool:
        return _declared(
            function,
            name=name or function.__name__,
            says=says,
            read_only=read_only,
            must_finish=must_finish,
            needs_approval=needs_approval,
            timeout_s=timeout_s,
        )

    return declare if function is None else declare(function)


def as_tool(function: Tool | Callable[..., Any]) -> Tool:
    """The tool itself, or one made of a plain function with the defaults of `tool`."""
    return function if isinstance(function, Tool) else tool(function)


def _declared(function: Callable[..., Any], *, name: str, **marks: Any) -> Tool:
    place = _place(function)
    described = inspect.getdoc(function) or ""
    if not described.strip():
        raise ToolDeclarationError(
            f"{place}: tool {name!r} has no docstring; write what it does, for the model reads it"
        )
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ToolDeclarationError(f"{place}: tool {name!r}: {error}") from None
    fields: dict[str, Any] = {}
    context_parameter = None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ToolDeclarationError(
                f"{place}: tool {name!r} takes {parameter}; a model needs named parameters"
            )
        if parameter.kind is parameter.POSITIONAL_ONLY or parameter.name not in hints:
            what = (
                "is positional-only"
                if parameter.kind is parameter.POSITIONAL_ONLY
                else "has no annotation"
            )
            raise ToolDeclarationError(
                f"{place}: parameter {parameter.name!r} of tool {name!r} {what}"
            )
        if hints[parameter.name] is ToolContext:
            context_parameter = parameter.name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    try:
        parameters = create_model(
            f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields
        )
        parameters.model_json_schema()
    except (PydanticSchemaGenerationError, NameError, TypeError, ValueError) as error:
        first = str(error).split("\n", 1)[0]
        raise ToolDeclarationError(
            f"{place}: tool {name!r} cannot be described to a model: {first}"
        ) from None
    return Tool(
        function=function,
        name=name,
        description=described,
        parameters=parameters,
        context_parameter=context_parameter,
        **marks,
    )


def _place(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        raise ConfigurationError(f"{function!r} cannot be a tool: it is no function in Python")
    return f"{Path(code.co_filename)}:{code.co_firstlineno}"
