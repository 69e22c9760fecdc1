"""An operation of a service as a tool that a model may call."""

import hashlib
import json
from dataclasses import dataclass
from http import HTTPStatus

from pydantic import JsonValue

from dialogue.services.document import ApiOperation
from dialogue.services.pool import ServiceAnswer, ServicePool
from dialogue.services.request import request_of
from dialogue.tools import ToolArgumentsError
from parley.app.tool import ToolContext, ToolError
from parley.errors import ParleyError

LONGEST_REASON = 300
"""Characters of what a service says of a request that it refuses."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ServiceTool:
    """Reading runs at once, on a guess too; what changes something waits for an approval, and is
    not cancelled by an interruption once it runs."""

    operation: ApiOperation
    pool: ServicePool
    timeout_s: float
    says: str | None = None

    @property
    def name(self) -> str:
        return self.operation.name

    @property
    def description(self) -> str:
        return self.operation.description

    @property
    def schema(self) -> dict[str, JsonValue]:
        return dict(self.operation.schema)

    @property
    def read_only(self) -> bool:
        return self.operation.read_only

    @property
    def must_finish(self) -> bool:
        return not self.operation.read_only

    @property
    def needs_approval(self) -> bool:
        return not self.operation.read_only

    async def run(self, arguments: dict[str, JsonValue], context: ToolContext) -> str:
        """What the service answered, as text for the model.

        Raises ToolArgumentsError for what the service, too, calls a wrong request, and ToolError
        where it refuses or cannot be had.
        """
        request = request_of(self.operation, arguments)
        headers = dict(request.headers)
        headers["Accept"] = "application/json, text/plain;q=0.5"
        if not self.read_only:
            headers["Idempotency-Key"] = self._key(arguments, context)
        try:
            answer = await self.pool.ask(
                request.method,
                self.pool.address + request.path,
                query=request.query,
                headers=headers,
                body=request.body,
            )
        except ParleyError as error:
            raise ToolError(f"the service {self.pool.name} is unavailable: {error}") from error
        return self._told(answer)

    def _key(self, arguments: dict[str, JsonValue], context: ToolContext) -> str:
        """The same for the same call of the same turn: a service that knows the header does it
        once, whoever asks again (draft-ietf-httpapi-idempotency-key-header)."""
        call = [context.session.id, context.turn_id, self.name, arguments]
        return hashlib.sha256(json.dumps(call, sort_keys=True).encode()).hexdigest()

    def _told(self, answer: ServiceAnswer) -> str:
        text = _text_of(answer)
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            raise ToolArgumentsError(text[:LONGEST_REASON] or "the service does not take them")
        if answer.status == HTTPStatus.NOT_FOUND:
            return f"Not found. {text[:LONGEST_REASON]}".strip()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ToolError(
                f"{self.pool.name} refuses with status {answer.status}: {text[:LONGEST_REASON]}"
            )
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise ToolError(f"{self.pool.name} sends elsewhere, which is not followed")
        if self.operation.method == "head":
            return "It is there."
        return text or "Done."


def _text_of(answer: ServiceAnswer) -> str:
    """JSON in its shortest form, text as it is, and of anything else what it is."""
    if not answer.body:
        return ""
    text = answer.body.decode("utf-8", errors="replace")
    if "json" in answer.content_type:
        try:
            return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            return text
    if answer.content_type.startswith("text/") or not answer.content_type:
        return text.strip()
    return f"[{answer.content_type} of {len(answer.body):,} bytes]"
