"""LangGraph's checkpoints in the store of requests: the latest of each session, and what its
tasks have written so far."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
)

from apps.shopping.storage.store import RequestItem, RequestStore

GRAPH_VERSION = "2"
"""Part of every key: the code of another version begins anew, and never misreads old state."""
_CHECKPOINT = f"checkpoint#v{GRAPH_VERSION}"
_WRITE = f"checkpoint-write#v{GRAPH_VERSION}"


class StoredCheckpoints(BaseCheckpointSaver[str]):
    """A thread is a session. Only the latest checkpoint is kept: that is what goes on."""

    def __init__(self, store: RequestStore) -> None:
        super().__init__()
        self._store = store

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The latest checkpoint, with what is written since; None: there is none, or another is
        asked for."""
        thread = config["configurable"]["thread_id"]
        item = await self._store.get(thread, _CHECKPOINT)
        if item is None:
            return None
        saved = self.serde.loads_typed(("msgpack", item.blob))
        checkpoint_id = saved["checkpoint"]["id"]
        if get_checkpoint_id(config) not in (None, checkpoint_id):
            return None
        written = await self._store.items(thread, f"{_WRITE}#{checkpoint_id}#")
        return CheckpointTuple(
            config=_config(thread, checkpoint_id),
            checkpoint=saved["checkpoint"],
            metadata=saved["metadata"],
            parent_config=None,
            pending_writes=[
                tuple(write)
                for each in written
                for write in self.serde.loads_typed(("msgpack", each.blob))
            ],
        )

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """The one that there is."""
        found = await self.aget_tuple(config) if config is not None else None
        if found is not None:
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keeps it in place of the one before. The writes of those before go when the next wish
        begins: to delete them with each step would cost DynamoDB three requests each."""
        thread = config["configurable"]["thread_id"]
        _, blob = self.serde.dumps_typed({"checkpoint": checkpoint, "metadata": dict(metadata)})
        await self._store.put(
            RequestItem(
                session_id=thread, request_id=_CHECKPOINT, request_type="checkpoint", blob=blob
            )
        )
        if metadata.get("source") == "input":  # a wish begins: nothing before it is gone on with
            await self._forget_writes(thread, but=checkpoint["id"])
        return _config(thread, checkpoint["id"])

    async def _forget_writes(self, thread: str, *, but: str) -> None:
        """Of all checkpoints but this."""
        items = await self._store.items(thread, f"{_WRITE}#", limit=1000)
        for old in {item.request_id.split("#")[2] for item in items} - {but}:
            await self._store.delete(thread, f"{_WRITE}#{old}#")

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keeps what a task has written, so that it does not run again where another is lost: all
        that a node returns as one item, and what LangGraph notes of it, which may come again, each
        by itself."""
        thread, checkpoint_id = (
            config["configurable"]["thread_id"],
            config["configurable"]["checkpoint_id"],
        )
        kept: dict[int, list[tuple[str, str, Any]]] = {}
        for channel, value in writes:
            index = WRITES_IDX_MAP.get(channel, 0)
            kept.setdefault(index, []).append((task_id, channel, value))
        for index, of_it in kept.items():
            _, blob = self.serde.dumps_typed(of_it)
            await self._store.put(
                RequestItem(
                    session_id=thread,
                    request_id=f"{_WRITE}#{checkpoint_id}#{task_id}#{index + 10:03d}",
                    request_type="checkpoint_write",
                    blob=blob,
                )
            )

    async def adelete_thread(self, thread_id: str) -> None:
        """Forgets it all."""
        await self._store.delete(thread_id, "checkpoint")


def _config(thread: str, checkpoint_id: str) -> RunnableConfig:
    return {
        "configurable": {
            "thread_id": thread,
            "checkpoint_ns": "",
            "checkpoint_id": checkpoint_id,
        }
    }
