"""Where pictures and recordings lie: an S3 bucket, or a folder here in development."""

import asyncio
import re
import uuid
from pathlib import Path
from typing import Any, Protocol

from apps.shopping.faults import UNAVAILABLE, VALIDATION, ShoppingError
from apps.shopping.media.checking import LARGEST_BYTES
from parley.private import private_folder

PREFIX = "uploads/"
_KEY = re.compile(r"uploads/[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9]{1,5})?")
_BUCKET_KEY = re.compile(r"(?!/)(?!(?:.*/)?\.{1,2}(?:/|$))[A-Za-z0-9!_.*'()/=+ -]{1,512}")
"""Who uploads into a bucket names things there; it holds nothing but media."""


class MediaKeeping(Protocol):
    """Every call raises ShoppingError; a key that is not there is one too."""

    async def put(self, data: bytes, content_type: str) -> str:
        """Keeps it under a key that nobody can guess; returns the key."""
        ...

    async def get(self, key: str) -> bytes: ...

    async def purge(self, *, put_before_s: float) -> int:
        """Forgets what was put before then (seconds since 1970); how much that was."""
        ...

    async def check(self) -> str:
        """What and where it is, for `/health`."""
        ...


def new_key() -> str:
    return f"{PREFIX}{uuid.uuid4().hex}"


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ShoppingError(VALIDATION, f"s3_key begins with {PREFIX} and is a name.")
    return key


def _checked_in_bucket(key: str) -> str:
    if not _BUCKET_KEY.fullmatch(key):
        raise ShoppingError(VALIDATION, "s3_key is no key of the bucket.")
    return key


def _missing() -> ShoppingError:
    return ShoppingError(VALIDATION, "There is no such upload.")


class MediaFolder:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes, content_type: str) -> str:
        """See MediaKeeping."""
        key = new_key()
        file = self._folder / key

        def write() -> None:
            private_folder(file.parent)
            file.write_bytes(data)

        await asyncio.to_thread(write)
        return key

    async def get(self, key: str) -> bytes:
        """See MediaKeeping."""
        file = self._folder / _checked(key)
        if not file.is_file():
            raise _missing()
        return await asyncio.to_thread(file.read_bytes)

    async def purge(self, *, put_before_s: float) -> int:
        """See MediaKeeping."""

        def purge() -> int:
            old = [
                file
                for file in (self._folder / PREFIX).glob("*")
                if file.stat().st_mtime < put_before_s
            ]
            for file in old:
                file.unlink(missing_ok=True)  # another process may be doing the same
            return len(old)

        return await asyncio.to_thread(purge)

    async def check(self) -> str:
        """See MediaKeeping."""
        return "a folder on this machine"


class MediaBucket:
    """An S3 bucket; `client` is boto3's."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def put(self, data: bytes, content_type: str) -> str:
        """See MediaKeeping."""
        key = new_key()
        await self._ask(
            self._client.put_object,
            Bucket=self._bucket,
            Key=key,
            Body=data,
            ContentType=content_type,
        )
        return key

    async def get(self, key: str) -> bytes:
        """See MediaKeeping."""

        def read(**named: str) -> bytes:
            answer = self._client.get_object(**named)
            if answer["ContentLength"] > LARGEST_BYTES:
                raise ShoppingError(VALIDATION, "The upload is too large.")
            return bytes(answer["Body"].read())

        return bytes(await self._ask(read, Bucket=self._bucket, Key=_checked_in_bucket(key)))

    async def purge(self, *, put_before_s: float) -> int:
        """See MediaKeeping: a rule of the bucket does it."""
        return 0

    async def check(self) -> str:
        """See MediaKeeping."""
        await self._ask(self._client.head_bucket, Bucket=self._bucket)
        return f"S3, bucket {self._bucket}"

    async def _ask(self, call: Any, **arguments: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        from apps.shopping.storage.dynamodb import aws_fault  # noqa: PLC0415 - where boto3 is

        try:
            return await asyncio.to_thread(call, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise _missing() from error
            raise aws_fault(error, "S3") from error
        except BotoCoreError as error:
            raise ShoppingError(UNAVAILABLE, "S3 cannot be reached right now.") from error
