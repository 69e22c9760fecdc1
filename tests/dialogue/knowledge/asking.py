"""A process that asks for passages: `asking.py FOLDER PLACE QUERIES [hold]`.

It says that it is ready, and asks when it is told to: as many queries at once, each within its
own deadline, and those that were given up once more without one. Then it prints what it came to,
as JSON. With `hold` it holds the lock of the index's making, says so, and waits to be killed.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dialogue.retrieval.documents import DocumentFolder
from dialogue.retrieval.local import LocalRetriever
from dialogue.retrieval.postgres_store import PostgresPassages
from dialogue.retrieval.retriever import Passage
from dialogue.retrieval.sqlite_store import SqlitePassages
from dialogue.retrieval.store import IndexState, PassageStore
from tests.dialogue.knowledge.word_hash import embedder

DEADLINE_S = 0.15
"""As an answer has it."""


def open_store(place: str) -> PassageStore:
    return PostgresPassages(place) if "://" in place else SqlitePassages(Path(place))


async def _ask(folder: str, place: str, queries: int) -> None:
    events: list[str] = []

    def on_event(name: str, state: IndexState) -> None:
        events.append(name)

    ours = embedder()
    retriever = LocalRetriever(
        DocumentFolder(Path(folder)), open_store(place), ours, on_event=on_event
    )
    late = 0

    async def asked(number: int) -> Sequence[Passage]:
        nonlocal late
        text = f"what is said of topic{number % 30}"
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await retriever.query(text)
        except TimeoutError:
            late += 1
            return await retriever.query(text)

    found = await asyncio.gather(*map(asked, range(queries)))
    stats = await retriever.stats()
    print(
        json.dumps(
            {
                "events": events,
                "late": late,
                "first": [passages[0].source for passages in found],
                "passages": stats.passages,
                "built_at_s": stats.built_at_s,
            }
        ),
        flush=True,
    )
    await retriever.aclose()
    await ours.aclose()


async def _hold(place: str) -> None:
    async with open_store(place).building():
        print("held", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[4:] == ["hold"]:
        asyncio.run(_hold(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(_ask(sys.argv[1], sys.argv[2], int(sys.argv[3])))
