"""A process that dies between two nodes: the next one goes on, and no node works twice."""

import asyncio
import json
import os
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from apps.shopping.media.keeping import MediaFolder
from parley import paths
from tests.apps.shopping.test_chat_contract import picture

PROGRAM = Path(__file__).with_name("counted_flow.py")
KILLED = -9
WITHIN_S = 120.0


async def run(counts: Path, session: str, kill_at: str, text: str, media: str = "[]") -> Any:
    """What the process told; None: it was killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        str(counts),
        session,
        kill_at,
        text,
        media,
        cwd=paths.repository(),
        env={**os.environ, "PYTHONPATH": str(paths.repository())},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN_S):
        out, _ = await process.communicate()
    if process.returncode == KILLED:
        return None
    assert process.returncode == 0
    return json.loads(out.decode().strip().splitlines()[-1])


async def test_killed_before_every_node_it_goes_on_and_no_node_works_twice(
    tmp_path: Path, shop_state: Path
) -> None:
    """One wish, whose process dies before each of its nodes in turn."""
    key = await MediaFolder(shop_state / "shopping" / "media").put(picture("blue"), "image/png")
    media = json.dumps([{"media_type": "image", "key": key}])
    counts, session = tmp_path / "counts", uuid.uuid4().hex
    first = await run(counts, session, "ExtractImageAttrs", "running shoes like this", media)
    assert first is None
    assert await run(counts, session, "BuildRequirementSpec", "") is None
    asked = await run(counts, session, "-", "")
    assert asked["unfinished"] and any(t.startswith("asks: Which size") for t in asked["told"])
    assert asked["status"] == "pending"
    # The question waits over a death: it is asked again, and nothing works for it.
    again = await run(counts, session, "-", "")
    assert again["told"] == [told for told in asked["told"] if not told.startswith("Progress")]
    assert await run(counts, session, "AskClarifyingQ", "size 9") is None
    for node in ("SearchMarketplaces", "RankAndCompose", "Done"):
        assert await run(counts, session, node, "size 9" if node[0] == "S" else "") is None
    done = await run(counts, session, "-", "")
    assert done["unfinished"] and done["status"] == "completed"
    worked = Counter(counts.read_text().split())
    assert worked == {
        "ParseInput": 1,
        "ExtractImageAttrs": 1,
        "BuildRequirementSpec": 2,  # the wish, and the answer
        "AskClarifyingQ": 1,
        "SearchMarketplaces": 1,
        "RankAndCompose": 1,
        "Done": 1,
    }
    nothing = await run(counts, session, "-", "")
    assert not nothing["unfinished"] and nothing["told"] == ["Done"]
