"""Who enters a room again with the token they had was cut off; who has a new one calls."""

from dataclasses import dataclass

import pytest

from agent.dispatch import as_resumed, has_come_back
from parley.app.session import AnyEntry, PersonSaid, Session
from parley.room_events import DispatchMetadata

SAID = (PersonSaid(at_s=1.0, turn_id="t1", text="My name is Ada."),)


@dataclass(frozen=True)
class Log:
    entries: tuple[AnyEntry, ...]


@pytest.mark.parametrize(
    ("entries", "began_as", "comes_as", "cut_off"),
    [
        (SAID, "caller-1", "caller-1", True),
        (SAID, "caller-1", "caller-2", False),  # the session's key, with a token of its own
        ((), "caller-1", "caller-1", False),  # the call begins
        (SAID, "", "", False),  # dispatched by hand
    ],
)
def test_the_same_token_again_is_the_same_call(
    entries: tuple[AnyEntry, ...], began_as: str, comes_as: str, cut_off: bool
) -> None:
    session = Session(id="s", channel="voice", log=Log(entries), user=began_as)
    wishes = DispatchMetadata(user=comes_as, voice="joe")
    assert has_come_back(session, wishes) is cut_off
    assert as_resumed(wishes, session) == wishes.model_copy(update={"resumed": cut_off})
