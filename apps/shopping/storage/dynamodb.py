"""Requests in a DynamoDB table, over boto3 in threads of its own."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from apps.shopping.faults import (
    AUTHENTICATION,
    RATE_LIMIT,
    TIMEOUT,
    UNAVAILABLE,
    VALIDATION,
    ShoppingError,
)
from apps.shopping.storage.store import RequestItem, RequestStatus

PARTITION_KEY, SORT_KEY = "session_id", "request_id"
EXPIRY = "expires_at"
"""The attribute by which DynamoDB deletes an item: seconds since 1970."""
_THREADS = 16
_DELETED_AT_ONCE = 25
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})
_CODES = {
    "AccessDeniedException": AUTHENTICATION,
    "ExpiredTokenException": AUTHENTICATION,
    "InvalidSignatureException": AUTHENTICATION,
    "UnrecognizedClientException": AUTHENTICATION,
    "ProvisionedThroughputExceededException": RATE_LIMIT,
    "RequestLimitExceeded": RATE_LIMIT,
    "ThrottlingException": RATE_LIMIT,
    "ValidationException": VALIDATION,
}
_Answer = TypeVar("_Answer")


def client(service: str, region: str) -> Any:
    """A client of an AWS service; credentials and endpoints are those that boto3 finds. Raises
    ShoppingError."""
    try:
        return boto3.client(service, region_name=region or None, config=_CONFIG)
    except BotoCoreError as error:
        raise aws_fault(error, service) from error


def create_table(table: str, region: str) -> bool:
    """Makes the table, waits until it is there, and has it delete what has expired; False where
    it was there before. Raises ShoppingError."""
    dynamodb = client("dynamodb", region)
    try:
        made = _made(dynamodb, table)
        dynamodb.get_waiter("table_exists").wait(TableName=table)
        expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if expiry["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
            dynamodb.update_time_to_live(
                TableName=table,
                TimeToLiveSpecification={"AttributeName": EXPIRY, "Enabled": True},
            )
    except (ClientError, BotoCoreError) as error:
        raise aws_fault(error, "DynamoDB") from error
    return made


def _made(dynamodb: Any, table: str) -> bool:
    try:
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": PARTITION_KEY, "AttributeType": "S"},
                {"AttributeName": SORT_KEY, "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
                {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
            ],
        )
    except dynamodb.exceptions.ResourceInUseException:
        return False
    return True


class DynamoDbRequestStore:
    """The table has to be there: `create_table` makes it. It deletes each item `keep_s` after its
    last change; None: never."""

    def __init__(self, table: str, region: str, *, keep_s: float | None = None) -> None:
        self._table = table
        self._keep_s = keep_s
        self._client = client("dynamodb", region)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="dynamodb")

    async def put(self, item: RequestItem) -> None:
        """See RequestStore."""
        attributes = _attributes(item)
        if self._keep_s is not None:
            written_s = datetime.fromisoformat(item.updated_at).timestamp()
            attributes[EXPIRY] = {"N": str(int(written_s + self._keep_s))}
        await self._ask(self._client.put_item, TableName=self._table, Item=attributes)

    async def get(self, session_id: str, request_id: str) -> RequestItem | None:
        """See RequestStore."""
        answer = await self._ask(
            self._client.get_item,
            TableName=self._table,
            Key=_key(session_id, request_id),
            ConsistentRead=True,
        )
        return _item(answer["Item"]) if "Item" in answer else None

    async def items(
        self, session_id: str, prefix: str, *, newest_first: bool = False, limit: int = 100
    ) -> Sequence[RequestItem]:
        """See RequestStore."""
        found: list[RequestItem] = []
        more: dict[str, Any] = {}
        while len(found) < limit:
            answer = await self._ask(
                self._client.query,
                TableName=self._table,
                ConsistentRead=True,
                ScanIndexForward=not newest_first,
                Limit=limit - len(found),
                **_beginning(session_id, prefix),
                **more,
            )
            found += [_item(each) for each in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found

    async def delete(self, session_id: str, prefix: str) -> None:
        """See RequestStore."""
        while keys := await self._keys(session_id, prefix):
            requests = [{"DeleteRequest": {"Key": key}} for key in keys]
            while requests:
                answer = await self._ask(
                    self._client.batch_write_item, RequestItems={self._table: requests}
                )
                requests = answer.get("UnprocessedItems", {}).get(self._table, [])

    async def purge(self, *, updated_before_s: float) -> int:
        """See RequestStore: the table does it by itself."""
        return 0

    async def check(self) -> str:
        """See RequestStore."""
        answer = await self._ask(self._client.describe_table, TableName=self._table)
        return f"DynamoDB, table {self._table}: {answer['Table']['TableStatus'].lower()}"

    async def aclose(self) -> None:
        self._client.close()
        self._threads.shutdown(wait=False)

    async def _keys(self, session_id: str, prefix: str) -> list[Any]:
        answer = await self._ask(
            self._client.query,
            TableName=self._table,
            ConsistentRead=True,
            ProjectionExpression=f"{PARTITION_KEY}, {SORT_KEY}",
            Limit=_DELETED_AT_ONCE,
            **_beginning(session_id, prefix),
        )
        return list(answer["Items"])

    async def _ask(self, call: Callable[..., _Answer], **arguments: Any) -> _Answer:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, partial(call, **arguments))
        except (ClientError, BotoCoreError) as error:
            raise aws_fault(error, "DynamoDB") from error


def aws_fault(error: ClientError | BotoCoreError, what: str) -> ShoppingError:
    """The error of boto3 as shoppers are told it; what AWS said is in the error's cause."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            return ShoppingError(UNAVAILABLE, f"{what}: there is no such table.")
        return ShoppingError(_CODES.get(code, UNAVAILABLE), f"{what} refuses the request: {code}.")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return ShoppingError(AUTHENTICATION, f"{what}: there are no AWS credentials.")
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return ShoppingError(TIMEOUT, f"{what} did not answer in time.")
    return ShoppingError(UNAVAILABLE, f"{what} cannot be reached right now.")


def _key(session_id: str, request_id: str) -> dict[str, Any]:
    return {PARTITION_KEY: {"S": session_id}, SORT_KEY: {"S": request_id}}


def _beginning(session_id: str, prefix: str) -> dict[str, Any]:
    condition = f"{PARTITION_KEY} = :session"
    values = {":session": {"S": session_id}}
    if prefix:
        condition += f" AND begins_with({SORT_KEY}, :prefix)"
        values[":prefix"] = {"S": prefix}
    return {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}


def _attributes(item: RequestItem) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        **_key(item.session_id, item.request_id),
        "request_type": {"S": item.request_type},
        "user_id": {"S": item.user_id},
        "status": {"S": item.status.value},
        "input_data": {"S": json.dumps(item.input_data)},
        "workflow_state": {"S": json.dumps(item.workflow_state)},
        "created_at": {"S": item.created_at},
        "updated_at": {"S": item.updated_at},
    }
    if item.blob:
        attributes["blob"] = {"B": item.blob}
    return attributes


def _item(attributes: Mapping[str, Any]) -> RequestItem:
    return RequestItem(
        session_id=attributes[PARTITION_KEY]["S"],
        request_id=attributes[SORT_KEY]["S"],
        request_type=attributes["request_type"]["S"],
        user_id=attributes["user_id"]["S"],
        status=RequestStatus(attributes["status"]["S"]),
        input_data=json.loads(attributes["input_data"]["S"]),
        workflow_state=json.loads(attributes["workflow_state"]["S"]),
        blob=bytes(attributes["blob"]["B"]) if "blob" in attributes else b"",
        created_at=attributes["created_at"]["S"],
        updated_at=attributes["updated_at"]["S"],
    )
