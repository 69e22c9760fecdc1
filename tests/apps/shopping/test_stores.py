"""What a store of requests promises, held against SQLite and DynamoDB (moto, over HTTP)."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from apps.shopping.faults import ShoppingError
from apps.shopping.media.keeping import MediaBucket, MediaFolder
from apps.shopping.settings import ShoppingSettings
from apps.shopping.storage import create_table
from apps.shopping.storage.sqlite import SqliteRequestStore
from apps.shopping.storage.store import RequestItem, RequestStatus, RequestStore, utc_at
from parley.retention import DAY_S, forget_old

WISH_STEPS = 6
"""Checkpoints of a wish without a question."""
TABLE = "orchestrator-requests"
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """DynamoDB and S3 on a socket; its address."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - takes a second

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**AWS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        assert create_table.main([]) == 0
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["sqlite", "dynamodb"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Annotated[RequestStore, "empty"]]:
    made: RequestStore
    if request.param == "sqlite":
        made = SqliteRequestStore(tmp_path / "requests.db")
    else:
        request.getfixturevalue("aws")
        from apps.shopping.storage.dynamodb import DynamoDbRequestStore  # noqa: PLC0415

        made = DynamoDbRequestStore(TABLE, AWS["AWS_REGION"])
        for session in ("s1", "s2"):
            await made.delete(session, "")
    yield made
    await made.aclose()


def item(request_id: str, session: str = "s1", **more: Any) -> RequestItem:
    return RequestItem(session_id=session, request_id=request_id, request_type="shopping", **more)


async def test_what_was_put_is_got_as_it_was(store: RequestStore) -> None:
    kept = item(
        "request#1",
        user_id="ann",
        status=RequestStatus.PENDING,
        input_data={"message": "a laptop for 999.99 €", "media": []},
        workflow_state={"stage": "CLARIFICATION", "deep": {"list": [1, 2.5, None, True]}},
        blob=b"\x00\xff" * 1000,
    )
    await store.put(kept)
    assert await store.get("s1", "request#1") == kept
    assert await store.get("s1", "request#2") is None
    assert await store.get("s2", "request#1") is None


async def test_a_second_put_takes_the_place_of_the_first(store: RequestStore) -> None:
    await store.put(item("request#1", status=RequestStatus.PROCESSING))
    await store.put(item("request#1", status=RequestStatus.COMPLETED))
    assert [each.status for each in await store.items("s1", "request#")] == ["completed"]


async def test_items_come_by_their_keys_from_either_end(store: RequestStore) -> None:
    for number in (3, 1, 2):
        await store.put(item(f"request#{number}"))
    await store.put(item("checkpoint#v1"))
    await store.put(item("request#9", "s2"))
    assert [i.request_id[-1] for i in await store.items("s1", "request#")] == ["1", "2", "3"]
    latest = await store.items("s1", "request#", newest_first=True, limit=2)
    assert [i.request_id[-1] for i in latest] == ["3", "2"]


async def test_what_is_deleted_is_gone_and_nothing_else(store: RequestStore) -> None:
    for number in range(30):  # more than DynamoDB deletes at once
        await store.put(item(f"write#a#{number:02d}"))
    await store.put(item("write#b#00"))
    await store.put(item("write#a#00", "s2"))
    await store.delete("s1", "write#a#")
    assert [i.request_id for i in await store.items("s1", "")] == ["write#b#00"]
    assert len(await store.items("s2", "")) == 1


async def test_writers_at_once_lose_nothing(store: RequestStore) -> None:
    await asyncio.gather(*(store.put(item(f"request#{n:02d}")) for n in range(20)))
    assert len(await store.items("s1", "request#")) == 20


async def test_a_file_that_several_make_at_once_is_whole_and_its_owners_alone(
    tmp_path: Path,
) -> None:
    for round_ in range(20):
        file = tmp_path / str(round_) / "requests.db"
        stores = [SqliteRequestStore(file) for _ in range(4)]
        await asyncio.gather(*(one.put(item(f"request#{n}")) for n, one in enumerate(stores)))
        assert len(await stores[0].items("s1", "request#")) == 4
        assert file.stat().st_mode & 0o077 == 0
        for one in stores:
            await one.aclose()


async def test_a_store_says_what_it_is(store: RequestStore) -> None:
    assert (await store.check()).startswith(("SQLite", "DynamoDB, table orchestrator-requests"))


async def test_dynamodb_without_its_table_says_so(aws: str) -> None:
    from apps.shopping.storage.dynamodb import DynamoDbRequestStore  # noqa: PLC0415

    store = DynamoDbRequestStore("no-such-table", AWS["AWS_REGION"])
    with pytest.raises(ShoppingError) as raised:
        await store.put(item("request#1"))
    assert raised.value.code == "service_unavailable" and raised.value.retryable
    await store.aclose()


async def test_a_dynamodb_that_is_away_is_retryable(
    aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.shopping.storage.dynamodb import DynamoDbRequestStore  # noqa: PLC0415

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    store = DynamoDbRequestStore(TABLE, AWS["AWS_REGION"])
    with pytest.raises(ShoppingError) as raised:
        await store.get("s1", "request#1")
    assert raised.value.code == "service_unavailable" and raised.value.retryable
    await store.aclose()


async def test_dynamodb_is_told_when_an_item_expires(aws: str) -> None:
    from apps.shopping.storage.dynamodb import (  # noqa: PLC0415
        EXPIRY,
        DynamoDbRequestStore,
        client,
    )

    assert create_table.main([]) == 0  # a table that is there is left as it is
    dynamodb = client("dynamodb", AWS["AWS_REGION"])
    expiry = dynamodb.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
    assert expiry == {"AttributeName": EXPIRY, "TimeToLiveStatus": "ENABLED"}
    for keep_s, written in ((30 * DAY_S, {"N": str(1_700_000_000 + 30 * 86_400)}), (None, None)):
        store = DynamoDbRequestStore(TABLE, AWS["AWS_REGION"], keep_s=keep_s)
        await store.put(item("request#1", "ttl", updated_at=utc_at(1_700_000_000.5)))
        key = {"session_id": {"S": "ttl"}, "request_id": {"S": "request#1"}}
        assert dynamodb.get_item(TableName=TABLE, Key=key)["Item"].get(EXPIRY) == written
        assert await store.get("ttl", "request#1") is not None
        await store.delete("ttl", "")
        await store.aclose()


async def test_old_requests_and_uploads_go_and_younger_ones_stay(tmp_path: Path) -> None:
    store, media = SqliteRequestStore(tmp_path / "requests.db"), MediaFolder(tmp_path)
    keys = [await media.put(b"data", "image/png") for _ in range(2)]
    for age_days, key in zip((8, 6), keys, strict=True):
        at_s = (100 - age_days) * DAY_S
        await store.put(item(f"request#{age_days}", updated_at=utc_at(at_s)))
        os.utime(tmp_path / key, (at_s, at_s))

    async def requests(before_s: float) -> int:
        return await store.purge(updated_before_s=before_s)

    async def uploads(before_s: float) -> int:
        return await media.purge(put_before_s=before_s)

    purges = {"requests": requests, "uploads": uploads}
    for keep_days, forgotten in ((0, 0), (7, 2), (7, 0)):
        found = await forget_old(
            purges, keep_days, failure=ShoppingError, clock=lambda: 100 * DAY_S
        )
        assert found == forgotten
    assert [each.request_id for each in await store.items("s1", "")] == ["request#6"]
    assert await media.get(keys[1]) == b"data"
    with pytest.raises(ShoppingError):
        await media.get(keys[0])
    await store.aclose()


async def test_what_is_old_goes_as_the_service_starts(shop_state: Path) -> None:
    from apps.shopping.service import ShoppingService  # noqa: PLC0415

    service = ShoppingService(ShoppingSettings, lambda: 7)
    async with service.running():
        await service.shop.store.put(item("request#1", updated_at=utc_at(time.time() - 8 * DAY_S)))
    async with service.running(), asyncio.timeout(60.0):
        while await service.shop.store.get("s1", "request#1") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_media_lie_in_a_bucket(aws: str) -> None:
    from apps.shopping.storage.dynamodb import client  # noqa: PLC0415

    s3 = client("s3", AWS["AWS_REGION"])
    where = {"LocationConstraint": AWS["AWS_REGION"]}
    s3.create_bucket(Bucket="shop-media", CreateBucketConfiguration=where)
    bucket = MediaBucket(s3, "shop-media")
    key = await bucket.put(b"data", "image/png")
    assert await bucket.get(key) == b"data"
    assert await bucket.check() == "S3, bucket shop-media"
    s3.put_object(Bucket="shop-media", Key="people/ann/photo.png", Body=b"own")
    assert await bucket.get("people/ann/photo.png") == b"own"
    for wrong in ("/etc/passwd", "people/../ann", "a\nb", ""):
        with pytest.raises(ShoppingError):
            await bucket.get(wrong)
    with pytest.raises(ShoppingError) as raised:
        await bucket.get("uploads/00000000")
    assert raised.value.code == "validation_error"


async def test_the_whole_flow_stands_on_dynamodb(aws: str, shop_state: Path) -> None:
    """A question, its answer, results: with checkpoints in the table."""
    from apps.shopping.service import ShoppingService  # noqa: PLC0415
    from tests.apps.shopping.flowing import answer_of  # noqa: PLC0415

    settings = ShoppingSettings(aws_region=AWS["AWS_REGION"], dynamodb_table_name=TABLE)
    service = ShoppingService(lambda: settings)
    async with service.running():
        asked = await answer_of(service, "dyn1", "running shoes")
        assert [type(event).__name__ for event in asked][-2:] == ["Clarification", "Done"]
        state = await service.session_state("dyn1")
        assert state["status"] == "pending"
        told = await answer_of(service, "dyn1", "size 9")
        assert "Results" in [type(event).__name__ for event in told]
        assert (await service.session_state("dyn1"))["status"] == "completed"
        kept = await service.shop.store.items("dyn1", "checkpoint#")
        assert [each.request_type for each in kept] == ["checkpoint"]
        await answer_of(service, "dyn1", "a blender under 80 dollars")
        # What a task has written after its checkpoint was kept goes with the next wish.
        written = await service.shop.store.items("dyn1", "checkpoint-write#")
        assert len({each.request_id.split("#")[2] for each in written}) <= WISH_STEPS
        assert (await service.health())["dynamodb"] == f"DynamoDB, table {TABLE}: active"
