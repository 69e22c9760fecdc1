"""A model and tools whose answers are saved: a pipeline that is resumed asks neither again."""

import hashlib
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from dialogue.checkpoints.pipelines import TurnPipeline
from dialogue.checkpoints.store import PipelineHeldError, SavedStep
from dialogue.hand_off import HandOffTool
from dialogue.messages import Message, ToolRequest
from dialogue.model import ChatModel, Finished, OfferedTool, Piece, Reasoning, Text, Tokens
from dialogue.tools import CallableTool, ToolArgumentsError
from dialogue.unfinished import CUT_OFF
from parley.app.tool import ToolContext, ToolError

TAKEN_OVER = "Another process goes on with this; it was not done here."


class _SavedText(BaseModel):
    kind: Literal["text"] = "text"
    text: str


class _SavedRequest(BaseModel):
    kind: Literal["tool"] = "tool"
    call_id: str
    name: str
    arguments: str


class _SavedEnd(BaseModel):
    kind: Literal["finished"] = "finished"
    reason: str


_SavedPiece = Annotated[_SavedText | _SavedRequest | _SavedEnd, Field(discriminator="kind")]
_PIECES: TypeAdapter[list[_SavedPiece]] = TypeAdapter(list[_SavedPiece])


@dataclass(frozen=True)
class CheckpointedModel:
    """Of one turn."""

    model: ChatModel
    pipeline: TurnPipeline

    async def answer(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> AsyncGenerator[Piece]:
        key = self.pipeline.key("model")
        step = self.pipeline.saved(key)
        if step is not None and step.ended:
            for saved in _PIECES.validate_python(step.result):
                yield _piece(saved)
            return
        given: list[Piece] = []
        try:
            async with aclosing(self.model.answer(messages, tools)) as pieces:
                async for piece in pieces:
                    given.append(piece)
                    yield piece
        except GeneratorExit:  # the rest is not wanted: what was given is the answer
            await self._save(key, given)
            raise
        await self._save(key, given)

    async def fill_prompt_cache(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> str:
        return await self.model.fill_prompt_cache(messages, tools)

    async def learns_from_examples(self) -> bool:
        return await self.model.learns_from_examples()

    def variant(self, *, model: str | None = None, temperature: float | None = None) -> ChatModel:
        varied = self.model.variant(model=model, temperature=temperature)
        return CheckpointedModel(varied, self.pipeline)

    async def _save(self, key: str, pieces: Sequence[Piece]) -> None:
        await self.pipeline.save(SavedStep(key=key, result=_saved(pieces), ended=True))


class CheckpointedTool:
    """A tool that runs once in a turn for each call of it: a call that had begun when its process
    died is not made again if it may have effects."""

    def __init__(self, tool: CallableTool, pipeline: TurnPipeline) -> None:
        self._tool = tool
        self._pipeline = pipeline
        self.name = tool.name
        self.description = tool.description
        self.schema = tool.schema
        self.says = tool.says
        self.read_only = tool.read_only
        self.must_finish = tool.must_finish
        self.needs_approval = tool.needs_approval
        self.timeout_s = tool.timeout_s

    async def run(self, arguments: dict[str, JsonValue], context: ToolContext) -> str:
        key = self._pipeline.key(f"tool:{self.name}:{_digest(arguments)}")
        step = self._pipeline.saved(key)
        if step is not None and step.ended:
            return _replayed(step.result)
        if step is not None and not self.read_only:
            raise ToolError(CUT_OFF)
        try:
            if not self.read_only:
                await self._pipeline.save(SavedStep(key=key))
                await self._pipeline.keep()
        except PipelineHeldError:
            raise ToolError(TAKEN_OVER) from None
        try:
            result = await self._tool.run(arguments, context)
        except ToolError as error:
            await self._ended(key, {"told": str(error)})
            raise
        except ToolArgumentsError as error:
            await self._ended(key, {"arguments": str(error)})
            raise
        await self._ended(key, {"result": result})
        return result

    async def _ended(self, key: str, result: dict[str, JsonValue]) -> None:
        await self._pipeline.save(SavedStep(key=key, result=result, ended=True))


def checkpointed(tools: Sequence[CallableTool], pipeline: TurnPipeline) -> list[CallableTool]:
    """The same tools; a hand-off has no effect but on the answer itself."""
    return [
        tool if isinstance(tool, HandOffTool) else CheckpointedTool(tool, pipeline)
        for tool in tools
    ]


def _replayed(result: JsonValue) -> str:
    assert isinstance(result, dict)
    if "told" in result:
        raise ToolError(str(result["told"]))
    if "arguments" in result:
        raise ToolArgumentsError(str(result["arguments"]))
    return str(result["result"])


def _digest(arguments: dict[str, JsonValue]) -> str:
    return hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()[:16]


def _saved(pieces: Sequence[Piece]) -> JsonValue:
    saved: list[_SavedText | _SavedRequest | _SavedEnd] = []
    for piece in pieces:
        match piece:
            case Text(text) if saved and isinstance(saved[-1], _SavedText):
                saved[-1] = _SavedText(text=saved[-1].text + text)
            case Text(text):
                saved.append(_SavedText(text=text))
            case ToolRequest(call_id, name, arguments):
                saved.append(_SavedRequest(call_id=call_id, name=name, arguments=arguments))
            case Finished(reason):
                saved.append(_SavedEnd(reason=reason))
            case Reasoning() | Tokens():
                pass
    return [each.model_dump(mode="json") for each in saved]


def _piece(saved: _SavedText | _SavedRequest | _SavedEnd) -> Piece:
    match saved:
        case _SavedText(text=text):
            return Text(text)
        case _SavedRequest(call_id=call_id, name=name, arguments=arguments):
            return ToolRequest(call_id, name, arguments)
        case _SavedEnd(reason=reason):
            return Finished(reason)
