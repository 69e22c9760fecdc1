"""The state folder that the tests of the shopping app share: catalogues are made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shop_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(autouse=True)
def in_state(shop_state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(shop_state))
    for name in (
        "DYNAMODB_TABLE_NAME",
        "MEDIA_BUCKET",
        "MEDIA_SERVICE_URL",
        "CATALOG_SERVICE_URL",
        "RESPONSE_COMPOSER_URL",
        "BESTBUY_API_KEY",
        "EBAY_CLIENT_ID",
    ):
        monkeypatch.delenv(name, raising=False)
    yield
