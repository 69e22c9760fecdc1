"""The spans of an answer: each request to the model, each tool. Names are OpenTelemetry's."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from contextlib import aclosing, contextmanager

from opentelemetry.trace import SpanKind
from pydantic import JsonValue

from dialogue.model import Piece, Text, Tokens
from dialogue.model_errors import ModelRequestError
from parley.app.engine import Turn
from parley.telemetry import tracing


def answer_task(work: Coroutine[object, object, None], *, turn: Turn) -> asyncio.Task[None]:
    """Begins the work on an answer, in a span that ends with it."""
    span = tracing.begin("answer", attributes={"session.id": turn.session.id})
    task = asyncio.create_task(work, name=f"answer {turn.id}", context=tracing.task_context(span))
    task.add_done_callback(lambda _: span.end())
    return task


async def traced(pieces: AsyncGenerator[Piece]) -> AsyncGenerator[Piece]:
    """The pieces of an answer, in a span with the moment of the first word and the tokens."""
    span = tracing.begin("chat", kind=SpanKind.CLIENT, attributes={"gen_ai.operation.name": "chat"})
    has_begun = False
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                match piece:
                    case Text() if not has_begun:
                        has_begun = True
                        span.add_event("first_token")
                    case Tokens(input_tokens, output_tokens):
                        span.set_attribute("gen_ai.usage.input_tokens", input_tokens)
                        span.set_attribute("gen_ai.usage.output_tokens", output_tokens)
                yield piece
    except ModelRequestError as error:
        tracing.failed(span, error.code)
        raise
    finally:
        span.end()


@contextmanager
def traced_tool(
    name: str, arguments: Mapping[str, JsonValue]
) -> Iterator[Callable[[str, str], None]]:
    """A span of one call of the tool; what it gives is to be told how it ended, and with what."""
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
    said = tracing.content(**{"gen_ai.tool.call.arguments": json.dumps(arguments)})
    with tracing.span(f"execute_tool {name}", attributes={**attributes, **said}) as span:

        def ended(outcome: str, result: str) -> None:
            span.set_attributes(tracing.content(**{"gen_ai.tool.call.result": result}))
            if outcome == "failed":
                tracing.failed(span, outcome)

        yield ended
