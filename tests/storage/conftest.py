"""What the tests of the embedded store's HTTP interface share."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import StoreProcess
from tests.storage.asking import run


@pytest.fixture
def http(store: StoreProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=store.url, timeout=60) as client:
        yield client


@pytest.fixture
def table(http: httpx.Client) -> Iterator[str]:
    run(http, "CREATE TABLE default.things (id UInt64, name String) ENGINE = MergeTree ORDER BY id")
    yield "default.things"
    run(http, "DROP TABLE default.things SYNC")
