"""What a session's log says of a turn that another process, or another connection, had begun."""

from dialogue.conversation import Conversation
from dialogue.orchestration.states import TurnStanding
from dialogue.sessions.store import SessionStore, SessionStoreError
from parley.app.session import AgentSaid, Heard, PersonSaid


def turn_id_of(session_id: str, attempt: int) -> str:
    """What the log, and the checkpoints of all sessions, call the turn of a thinking."""
    return f"{session_id}.{attempt}"


def logged_turn(conversation: Conversation, turn_id: str) -> bool:
    """Whether the log has what the person said in the turn: it was sure, and tools with effects
    may have run for it."""
    entries = conversation.session.log.entries
    return any(isinstance(e, PersonSaid) and e.turn_id == turn_id for e in entries)


def logged_words(conversation: Conversation, words: str) -> str:
    """With how much of the words the log has a turn that was begun, and not answered: tools with
    effects may have run for it, and the model is shown both as they stand there."""
    entries = conversation.session.log.entries
    said = next((e for e in reversed(entries) if isinstance(e, PersonSaid)), None)
    if said is None or not words.startswith(said.text):
        return ""
    of_turn = [e for e in entries if getattr(e, "turn_id", "") == said.turn_id]
    heard = [e for e in of_turn if isinstance(e, Heard)]
    if any(e.text for e in heard):
        return ""
    is_made = any(isinstance(e, AgentSaid) for e in of_turn)
    return "" if is_made and not heard else said.text


async def settle_logged(
    conversation: Conversation, turn_id: str, characters: int | None, *, interrupted: bool
) -> str:
    """No more will be heard of an answer that is in the log alone; returns what was: so many
    characters, up to the end of a word, or all of it."""
    heard = ""
    for entry in list(conversation.session.log.entries):
        if isinstance(entry, AgentSaid) and _is_of(entry.turn_id, turn_id):
            text = entry.text
            if characters is not None and characters - len(heard) < len(text):
                text = text[: max(0, characters - len(heard))].rpartition(" ")[0]
            heard += text
            await conversation.heard(entry.turn_id, text, interrupted=interrupted)
    return heard


async def stored_answer(store: SessionStore, session_id: str, turn_id: str) -> str:
    """What the store has as the answer of a turn, which another process may have made; empty:
    none."""
    try:
        stored = await store.load(session_id)
    except SessionStoreError:
        return ""
    entries = stored.entries if stored is not None else ()
    return "".join(e.text for e in entries if isinstance(e, AgentSaid) and e.turn_id == turn_id)


def mend_log(conversation: Conversation, standing: TurnStanding, *, now_s: float) -> None:
    """A process that was killed may have written where it stood, and not what was said: the
    answer and what it answers are written again. `now_s` is on the clock of the resources."""
    turn_id = turn_id_of(conversation.session.id, standing.attempt)
    entries = conversation.session.log.entries
    known = [e for e in entries if _is_of(getattr(e, "turn_id", ""), turn_id)]
    if any(isinstance(e, AgentSaid) for e in known):
        return
    if standing.words and not any(isinstance(e, PersonSaid) for e in known):
        said = logged_words(conversation, standing.words)
        if rest := standing.words[len(said) :].strip():
            turn = conversation.turn(rest, waiting_since_s=now_s, turn_id=turn_id)
            turn.taken()
            turn.drop()
    conversation.say(standing.answer, turn_id=turn_id)


def _is_of(logged: str, turn_id: str) -> bool:
    """Agents that take over within an answer log their parts under ids of their own."""
    return logged == turn_id or logged.startswith(f"{turn_id}-")
