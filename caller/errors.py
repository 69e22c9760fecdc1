"""What goes wrong with a call."""

from parley.errors import ParleyError


class CallError(ParleyError):
    """A call that could not be made or did not go as a call should; the text is for a person."""
