"""What the record of a call says of it first."""

import time

from dialogue.conversation import Conversation
from parley.records.lines import CallBegan, CallObjectives
from parley.records.store import new_id
from parley.settings import OrchestratorSettings
from parley.telemetry import agent as metrics


def record_began(
    settings: OrchestratorSettings,
    conversation: Conversation,
    room: str,
    app: str,
    voice: str,
) -> CallBegan:
    """Of a call that begins now, in the room of this name; `app` is what it asked for."""
    now_s = time.time()
    session, agent = conversation.session, conversation.agent
    return CallBegan(
        at_s=now_s,
        id=new_id(now_s),
        session=session.id,
        room=room,
        user=session.user,
        app=app,
        agent=agent.name,
        language=session.language,
        voice=voice,
        model=agent.model or settings.llm_model,
        recognizer=settings.asr.adapter if settings.asr.enabled else "",
        objectives=CallObjectives(
            response_ms=1000 * metrics.RESPONSE_S[1],
            first_audio_ms=1000 * metrics.SLA_FIRST_AUDIO_S,
            onset_to_silence_ms=1000 * metrics.ONSET_TO_SILENCE_S[1],
        ),
    )
