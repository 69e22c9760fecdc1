"""What all talks of a process stand on."""

from dataclasses import dataclass, field

from dialogue.orchestration.desk import SessionDesk, SessionSnapshot
from dialogue.orchestration.elevenlabs import VoiceSource
from dialogue.resources import Resources
from dialogue.sessions.store import SessionStore
from parley.app.agent import Agent
from parley.clock import Clock, monotonic
from parley.errors import ParleyError
from parley.telemetry.orchestrator import OrchestratorMetrics


class SessionForbiddenError(ParleyError):
    """The session is another user's."""


@dataclass(frozen=True, kw_only=True)
class TalkParts:
    """Made once and shared; whoever makes them closes them."""

    app: Agent
    app_name: str = ""
    desk: SessionDesk
    store: SessionStore
    resources: Resources
    metrics: OrchestratorMetrics
    speech: VoiceSource | None = None
    """None: nobody is spoken to."""
    default_voice: str = ""
    voice_speed: float = 1.0
    language: str = "en"
    commit_after_s: float = 1.2
    tts_timeout_s: float = 0.2
    """How long a response waits for its first audio, so that it can say when that came."""
    clock: Clock = field(default=monotonic)

    def check_owner(self, snapshot: SessionSnapshot, user: str, owner: str) -> None:
        """Raises SessionForbiddenError where the session is somebody else's."""
        others_key = snapshot.owner != owner
        if others_key or (snapshot.user and user and snapshot.user != user):
            raise SessionForbiddenError("there is no such session")
