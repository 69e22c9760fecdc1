"""What models behind a vendor's own protocol have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from dialogue.messages import Message
from dialogue.model import OfferedTool
from dialogue.providers.http_request import ProviderHttp

KEEPS_NOTHING = "this provider keeps no prompt for the next request"
"""Why a prompt could not be put into its cache."""


@dataclass(frozen=True, kw_only=True)
class VendorModel:
    """The part of a ProviderModel that is no matter of the protocol."""

    http: ProviderHttp
    name: str
    temperature: float | None
    """None: none is sent, for models that refuse one."""
    max_tokens: int

    def variant(self, *, model: str | None = None, temperature: float | None = None) -> Self:
        """See ChatModel."""
        given = self.temperature if temperature is None or self.temperature is None else temperature
        return replace(self, name=model or self.name, temperature=given)

    async def fill_prompt_cache(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> str:
        """See ChatModel."""
        return KEEPS_NOTHING

    async def learns_from_examples(self) -> bool:
        """See ChatModel."""
        return True
