"""What goes wrong with a call."""

from parley.errors import ParleyError

NO_ROOM = ("at_capacity", "no_agent")
"""Codes of calls for which no agent has room; the others are the caller's own doing."""


class CallError(ParleyError):
    """A call that could not be made or did not go as a call should; the text is for a person."""


class CallRefusedError(CallError):
    """The gateway refused the call: `code` as its answer has it."""

    def __init__(self, message: str, *, code: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s
        """When it may be tried again; None where the gateway does not say."""

    @property
    def wants_room(self) -> bool:
        """Whether it was refused only because no agent had room."""
        return self.code in NO_ROOM
