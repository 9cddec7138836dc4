from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.conftest import StoreProcess


@pytest.fixture(scope="package")
def collector(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """A collector for the tests that leave it running."""
    process = CollectorProcess(store.url, tmp_path_factory.mktemp("collector") / "data", **STORED_FIRST)
    yield process
    process.stop()
