"""What an agent server says of its calls, at /capacity of its health port; gateways read it."""

from pydantic import BaseModel, ConfigDict, Field

PATH = "/capacity"


class Capacity(BaseModel):
    """Of one agent server. A call that is ending holds no place any more."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    takes_calls: bool = Field(description="registered with LiveKit, and not draining")
    max_sessions: int = Field(ge=0, description="calls it takes at once")
    rooms: tuple[str, ...] = Field((), description="of the calls it has, or is just taking")

    @property
    def free(self) -> int:
        """Calls it could take now."""
        return max(0, self.max_sessions - len(self.rooms)) if self.takes_calls else 0
