"""The seam: one engine answers a session, whatever front the person is at."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from parley.app.app_service import Media
from parley.app.events import Event
from parley.app.session import Session


@dataclass(frozen=True)
class Turn:
    """What the person said, to be answered."""

    id: str
    """Unique in the session."""
    session: Session
    text: str
    """As recognized or typed. Empty where nobody said anything: the agent is to speak of itself,
    after a hand-off."""
    committed: Callable[[], Awaitable[None]]
    """Returns once the turn is known to be one. A voice front starts an answer on a guess: await
    this before anything that has effects. It never returns for a turn that was none; then the
    respond is cancelled."""
    waiting_since_s: float
    """`time.monotonic()` of the end of what the person said: from then on they wait."""
    media: Sequence[Media] = ()
    """What came with it."""


class Engine(Protocol):
    """Answers one session: in a room, over a WebSocket or in a terminal alike."""

    def respond(self, turn: Turn) -> AsyncIterator[Event]:
        """Answers the turn.

        Closing the iterator cancels everything under it: the request to the model, the running
        tools. Nothing may have happened by then that the turn had not been committed for.
        """
        ...

    async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
        """The answer to the turn is over, and this much of it was heard (fillers left out)."""
        ...


class ResumableEngine(Engine, Protocol):
    """An engine that keeps how far an answer was, so that another process can go on with it."""

    async def has_unfinished(self) -> bool:
        """Whether an answer was begun that nobody has got whole, or a question waits for its
        answer: then a front that comes back calls `respond` with an empty text."""
        ...


EngineFactory = Callable[[Session], Engine]
"""Makes the engine of a session: an engine class whose only argument is the session is one."""
