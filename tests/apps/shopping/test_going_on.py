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
from tests.apps.shopping.pictures import picture

PROGRAM = Path(__file__).with_name("counted_flow.py")
WITHIN_S = 240.0


async def run(counts: Path, session: str, *turns: dict[str, Any]) -> list[Any]:
    """What each turn's process told; None: it was killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        str(counts),
        session,
        json.dumps(turns),
        cwd=paths.repository(),
        env={**os.environ, "PYTHONPATH": str(paths.repository())},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN_S):
        out, _ = await process.communicate()
    assert process.returncode == 0
    told: list[Any] = json.loads(out)
    return told


async def test_killed_before_every_node_it_goes_on_and_no_node_works_twice(
    tmp_path: Path, shop_state: Path
) -> None:
    """One wish, whose process dies before each of its nodes in turn."""
    key = await MediaFolder(shop_state / "shopping" / "media").put(picture("blue"), "image/png")
    media = [{"media_type": "image", "key": key}]
    counts = tmp_path / "counts"
    told = await run(
        counts,
        uuid.uuid4().hex,
        {"kill_at": "ExtractImageAttrs", "text": "running shoes like this", "media": media},
        {"kill_at": "BuildRequirementSpec", "text": ""},
        {"text": ""},
        {"text": ""},
        {"kill_at": "AskClarifyingQ", "text": "size 9"},
        {"kill_at": "SearchMarketplaces", "text": "size 9"},
        {"kill_at": "RankAndCompose", "text": ""},
        {"kill_at": "Done", "text": ""},
        {"text": ""},
        {"text": ""},
    )
    assert [each is None for each in told] == [True, True, False, False, *[True] * 4, False, False]
    asked, again, done, nothing = told[2], told[3], told[8], told[9]
    assert asked["unfinished"] and asked["status"] == "pending"
    (question,) = [each for each in asked["told"] if each.startswith("asks: ")]
    assert "size" in question
    # The question waits over a death: it is asked again, and nothing works for it.
    assert again["told"] == [question, "Done"]
    assert done["unfinished"] and done["status"] == "completed"
    assert not nothing["unfinished"] and nothing["told"] == ["Done"]
    assert Counter(counts.read_text().split()) == {
        "ParseInput": 1,
        "ExtractImageAttrs": 1,
        "BuildRequirementSpec": 2,  # the wish, and the answer
        "AskClarifyingQ": 1,
        "SearchMarketplaces": 1,
        "RankAndCompose": 1,
        "Done": 1,
    }
