"""Tells the person when a part that the conversation needs has failed."""

import logging
from collections.abc import Callable

from livekit.agents import AgentSession, ErrorEvent

from agent.room import apology
from agent.room.events import RoomEventPublisher
from agent.stt import WorkerSTT
from dialogue.text.languages import Language

_PROBLEMS = {
    "stt_error": ("asr_unavailable", "The agent cannot hear right now. You can type instead."),
    "tts_error": ("tts_unavailable", "The agent's voice is not available right now."),
    "llm_error": ("llm_unavailable", "The agent's language model does not answer right now."),
}

_log = logging.getLogger(__name__)


def tell_problems(
    session: AgentSession[None],
    events: RoomEventPublisher,
    *,
    hearing: WorkerSTT | None = None,
    language: Callable[[], Language],
    rate_hz: int,
) -> None:
    """Follows the session's errors: the log, the room and what is heard say them.

    Deafness is told by the voice in the agent's `language`, muteness by a recording at the track's
    `rate_hz`.

    What the framework tries again by itself is no problem yet, but for recognition, which has
    been tried everywhere before it reports anything. That it hears again is said, or shows in an
    answer to what was said meanwhile.
    """

    def on_back(text: str) -> None:
        events.recovered(_PROBLEMS["stt_error"][0])
        if not text:
            session.say(language().phrases.hears_again, add_to_chat_ctx=False)

    if hearing is not None:
        hearing.on_back = on_back

    def on_error(event: ErrorEvent) -> None:
        kind = event.error.type
        if kind not in _PROBLEMS or (event.error.recoverable and kind != "stt_error"):
            return
        _log.error("%s: %s", kind, event.error.error)
        told = events.error(*_PROBLEMS[kind])
        if told and kind == "stt_error":
            session.say(language().phrases.cannot_hear, add_to_chat_ctx=False)
        elif told and kind == "tts_error":
            session.say(
                language().phrases.cannot_speak,
                audio=apology.recording(language(), rate_hz),
                add_to_chat_ctx=False,
            )

    session.on("error", on_error)
