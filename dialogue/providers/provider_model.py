"""What the registry needs of a provider's model, beside that it answers."""

from typing import Protocol

from dialogue.model import ChatModel


class ProviderModel(ChatModel, Protocol):
    """A ChatModel whose server can be asked whether it is there."""

    async def check(self) -> str:
        """Asks as little as the server allows; what it said, for people. Raises
        ModelRequestError."""
        ...
