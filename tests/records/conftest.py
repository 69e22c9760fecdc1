"""The two places of records."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from parley.records.store import RecordStore, open_records
from parley.settings.record import RecordSection
from testkit.s3_server import KEY_ID, SECRET, S3Server, s3_serving


@pytest.fixture(scope="session")
def bucket() -> Iterator[tuple[S3Server, RecordSection]]:
    """A server, and the settings that reach it."""
    pytest.importorskip("obstore")
    server = S3Server()
    with s3_serving(server) as endpoint:
        yield (
            server,
            RecordSection(
                place="s3://recordings/parley/eu",
                s3_endpoint=endpoint,
                s3_key_id=KEY_ID,
                s3_secret=SecretStr(SECRET),
            ),
        )


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RecordStore:
    if request.param == "folder":
        return open_records(RecordSection(place=str(tmp_path / "calls")))
    server, settings = request.getfixturevalue("bucket")
    server.objects.clear()
    return open_records(settings)
