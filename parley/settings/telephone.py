"""Settings of telephone calls, which come in through livekit-sip."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from parley.settings.source import Section
from parley.settings.values import AppName

_PLACE = re.compile(r"tel:\+?[0-9]{3,20}|sips?:[^\s@]{1,64}@[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")


def _are_places(places: Mapping[str, str]) -> Mapping[str, str]:
    wrong = [place for place in places.values() if not _PLACE.fullmatch(place)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no tel:+15550100 and no sip:desk@example.org")
    return places


class TelephoneSection(Section):
    """What the agent may do in a telephone call, each as a tool of its model."""

    transfer_to: Annotated[Mapping[AppName, str], AfterValidator(_are_places)] = Field(
        {},
        description="where calls may be transferred, and nowhere else: NAME: tel:+15550100 or "
        "sip:desk@example.org",
    )
    presses_keys: bool = Field(
        False, description="whether it may press keys (DTMF), as for an extension"
    )
