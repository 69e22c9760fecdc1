"""Goes on with pipelines whose processes have died."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from dialogue.checkpoints.pipelines import Pipelines
from dialogue.checkpoints.store import CheckpointError, SavedPipeline
from dialogue.conversation import Conversation
from parley.app.events import Error, Handoff, TextDelta
from parley.errors import ParleyError

_log = logging.getLogger(__name__)

Opened = Callable[[str], AbstractAsyncContextManager[Conversation]]
"""The conversation of a session, over the same pipelines."""


class RecoveryError(ParleyError):
    """A turn whose answer has failed again."""


async def recover(pipelines: Pipelines, pipeline_id: str, opened: Opened) -> str:
    """Takes the pipeline over and answers its turn to the end; the answer, which nobody has heard
    so far and which the session's log has.

    Raises PipelineNotFoundError, PipelineHeldError, and RecoveryError.
    """
    saved = await pipelines.claim(pipeline_id)
    try:
        async with opened(saved.record.session_id) as conversation:
            return await _answered(saved, conversation)
    finally:
        await pipelines.let_go(pipeline_id)  # else its lease is renewed, and nobody can claim it


async def keep_recovering(
    pipelines: Pipelines, opened: Opened, *, keep_s: float, every_s: float | None = None
) -> None:
    """Takes over what is abandoned, now and ever again, and forgets what began `keep_s` ago and is
    over; runs until it is cancelled."""
    while True:
        try:
            for record in await pipelines.checkpoints.abandoned():
                try:
                    await recover(pipelines, record.id, opened)
                    _log.info("pipeline %s was abandoned, and is done", record.id)
                except ParleyError as error:
                    _log.warning("pipeline %s is not recovered: %s", record.id, error)
                except Exception:  # a plug-in of anybody's: the others are recovered all the same
                    _log.exception("pipeline %s is not recovered", record.id)
            await pipelines.checkpoints.purge(began_before_s=time.time() - keep_s)
        except CheckpointError as error:
            _log.warning("abandoned pipelines are not looked for: %s", error)
        await asyncio.sleep(every_s or pipelines.lease_s)


async def _answered(saved: SavedPipeline, conversation: Conversation) -> str:
    said, text, turn_id, number = "", saved.record.text, saved.record.id, 0
    while True:
        turn = conversation.turn(text, waiting_since_s=conversation.clock(), turn_id=turn_id)
        turn.commit()
        handed_off = False
        async for event in turn.events():
            if isinstance(event, TextDelta):
                said += event.text
            elif isinstance(event, Error):
                raise RecoveryError(f"pipeline {saved.record.id} has failed: {event.message}")
            handed_off |= isinstance(event, Handoff)
        if not handed_off:
            await conversation.flush()
            return said
        number += 1
        text, turn_id = "", f"{saved.record.id}-{number}"
