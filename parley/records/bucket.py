"""Records in a bucket of an S3-compatible server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from obstore.exceptions import BaseError
from obstore.store import S3Store

from parley.records.lines import FILES
from parley.records.store import RecordNotFoundError, RecordStoreError, check_file, is_id
from parley.settings.record import RecordSection

TIMEOUT = "30s"
"""Of one request, of which a large file takes many."""


class BucketRecords:
    """A RecordStore. Reached when it is first asked."""

    def __init__(self, settings: RecordSection) -> None:
        bucket, _, prefix = settings.place.removeprefix("s3://").partition("/")
        options: dict[str, Any] = {"region": settings.s3_region}
        if settings.s3_endpoint:
            options["endpoint"] = settings.s3_endpoint
            options["virtual_hosted_style_request"] = False
        if settings.s3_key_id:
            options["access_key_id"] = settings.s3_key_id
            options["secret_access_key"] = settings.s3_secret.get_secret_value()
        self._store = S3Store(
            bucket,
            prefix=prefix.strip("/") or None,
            client_options={
                "timeout": TIMEOUT,
                "allow_http": settings.s3_endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 3},
            **options,
        )

    def ids(self) -> list[str]:
        return sorted(self.sizes(), reverse=True)

    def sizes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        with _told():
            for page in self._store.list():
                for each in page:
                    record_id, _, file = each["path"].rpartition("/")
                    if is_id(record_id) and file in FILES:
                        found[record_id] = found.get(record_id, 0) + each["size"]
        return found

    def size(self, record_id: str, file: str) -> int:
        path = _path(record_id, file)
        with _told(path):
            return int(self._store.head(path)["size"])

    def read(self, record_id: str, file: str, start: int = 0, end: int | None = None) -> bytes:
        path = _path(record_id, file)
        with _told(path):
            if not start and end is None:
                return bytes(self._store.get(path).bytes())
            size = self.size(record_id, file)
            end = size if end is None else min(end, size)
            if start >= end:
                return b""
            return bytes(self._store.get_range(path, start=start, end=end))

    def put(self, record_id: str, file: str, source: Path) -> None:
        with _told():
            self._store.put(_path(record_id, file), source)

    def delete(self, record_id: str) -> None:
        if not is_id(record_id):
            return
        with _told():
            self._store.delete([_path(record_id, file) for file in FILES])


@contextmanager
def _told(path: str = "") -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise RecordNotFoundError(f"the bucket has no {path or 'such record'}") from None
    except (BaseError, OSError, ValueError) as error:
        told = str(error).partition("\n")[0]
        raise RecordStoreError(f"the bucket of the records: {told}") from None


def _path(record_id: str, file: str) -> str:
    check_file(file)
    if not is_id(record_id):
        raise RecordNotFoundError(f"{record_id[:80]!r} is no id of a record")
    return f"{record_id}/{file}"
