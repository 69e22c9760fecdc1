"""Goes on with a pipeline whose process has died."""

from dialogue.checkpoints.pipelines import Pipelines
from dialogue.checkpoints.store import SavedPipeline
from dialogue.conversation import Conversation
from parley.app.events import Event, TextDelta


async def resume(
    pipelines: Pipelines, saved: SavedPipeline, conversation: Conversation
) -> tuple[str, list[Event]]:
    """Answers the turn of a pipeline that `pipelines` has claimed to its end; the answer, which
    nobody has heard so far, and what happened.

    The conversation is the pipeline's session, opened with the same `pipelines`.
    """
    record = saved.record
    turn = conversation.turn(record.text, waiting_since_s=conversation.clock(), turn_id=record.id)
    turn.commit()
    events = [event async for event in turn.events()]
    await conversation.flush()
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return text, events
