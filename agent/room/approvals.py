"""Approvals in the room: a client is asked, and its person decides."""

from collections.abc import Callable

from livekit import rtc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dialogue.approvals.approval import ApprovalDecision, ApprovalError
from dialogue.approvals.store import ApprovalStore
from parley.room_events import DECIDE_METHOD

NOT_UNDERSTOOD = 400
NOT_YOURS = 403
NOTHING_WAITS = 404


class RoomDecision(BaseModel):
    """What a client answers."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    approval_id: str = Field(max_length=64)
    approved: bool
    why: str = Field("", max_length=500)


class RoomApprovals:
    """Takes the decisions of the person in the call to the tool calls of it that wait for them."""

    def __init__(
        self, approvals: ApprovalStore, session_id: str, *, talks_with: Callable[[str], bool]
    ) -> None:
        """`talks_with`: whether a participant is the one whom the agent talks with."""
        self._approvals = approvals
        self._session_id = session_id
        self._talks_with = talks_with

    def serve(self, room: rtc.Room) -> None:
        """Answers the DECIDE_METHOD of that person; the room must be connected."""
        room.local_participant.register_rpc_method(DECIDE_METHOD, self._on_rpc)

    async def _on_rpc(self, request: rtc.RpcInvocationData) -> str:
        if not self._talks_with(request.caller_identity):
            raise rtc.RpcError(NOT_YOURS, "only whom the agent talks with may decide")
        try:
            decision = RoomDecision.model_validate_json(request.payload)
        except ValidationError:
            wanted = 'send {"approval_id": "…", "approved": true or false}'
            raise rtc.RpcError(NOT_UNDERSTOOD, wanted) from None
        try:
            approval = await self._approvals.load(decision.approval_id)
            if approval is None or approval.request.orchestration_id != self._session_id:
                raise rtc.RpcError(NOTHING_WAITS, "nothing waits for this decision")
            await self._approvals.decide(
                decision.approval_id,
                ApprovalDecision(
                    approved=decision.approved,
                    approver_id=request.caller_identity,
                    approval_notes=decision.why,
                ),
            )
        except ApprovalError:
            raise rtc.RpcError(NOTHING_WAITS, "nothing waits for this decision any more") from None
        return "ok"
