"""What the caller's access token asks of a call, which comes as the metadata of its dispatch."""

import logging
import time
import uuid
from typing import Any

from pydantic import ValidationError

from dialogue.sessions.store import SessionRecord
from parley.app.agent import Agent
from parley.app.configured import load_configured
from parley.app.session import Session
from parley.room_events import DispatchMetadata
from parley.settings import OrchestratorSettings
from parley.settings.visitors import MAX_INSTRUCTIONS_CHARS

_log = logging.getLogger(__name__)


def wishes_of(metadata: str) -> DispatchMetadata:
    """The defaults where it is empty or not understood, which is logged."""
    try:
        return DispatchMetadata.model_validate_json(metadata or "{}")
    except ValidationError:
        _log.warning("the dispatch's metadata is not understood: the defaults are used")
        return DispatchMetadata()


def session_record(
    settings: OrchestratorSettings, wishes: DispatchMetadata, app: Agent
) -> SessionRecord:
    """Of the conversation that the call begins, or goes on with."""
    return SessionRecord(
        id=wishes.session or uuid.uuid4().hex,
        channel="voice",
        app=wishes.app,
        user=wishes.user,
        language=app.language or settings.asr.language or "en",
        attributes=wishes.attributes,
        began_at_s=time.time(),
    )


def has_come_back(session: Session, wishes: DispatchMetadata) -> bool:
    """Whether the person lost the connection for so long that LiveKit ended the room, and has
    entered it anew with the same token: an identity is of one token."""
    return bool(session.log.entries) and bool(wishes.user) and session.user == wishes.user


def as_resumed(wishes: DispatchMetadata, session: Session) -> DispatchMetadata:
    """The wishes of a call whose person has come back, as those of any that goes on."""
    is_back = has_come_back(session, wishes)
    return wishes.model_copy(update={"resumed": True}) if is_back else wishes


def app_of(settings: OrchestratorSettings, wishes: DispatchMetadata) -> Agent:
    """The app that is asked for by its name, or the default one."""
    if wishes.app and wishes.app not in settings.agent.apps:
        _log.warning("there is no app %r here: the default one answers", wishes.app)
        return load_configured(settings)
    return load_configured(settings, wishes.app)


def settings_of(settings: OrchestratorSettings, wishes: DispatchMetadata) -> OrchestratorSettings:
    """The settings, with instructions and greeting as the call wants them and the settings allow
    it. An agent that declares its own keeps them."""
    visitors = settings.visitors
    wanted: dict[str, Any] = {}
    if (character := visitors.characters.get(wishes.character)) is not None:
        wanted["instructions"] = character.instructions
        if character.greeting is not None:
            wanted["greeting"] = character.greeting
    elif wishes.character:
        _log.warning("there is no character %r here: the agent is itself", wishes.character)
    if wishes.instructions and visitors.may_instruct:
        wanted["instructions"] = wishes.instructions[:MAX_INSTRUCTIONS_CHARS]
    elif wishes.instructions:
        _log.warning("callers may not write instructions here: visitors.may_instruct is false")
    if not wanted:
        return settings
    return settings.model_copy(update={"agent": settings.agent.model_copy(update=wanted)})
