from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collector.process import CollectorProcess
from tests.conftest import StoreProcess


@pytest.fixture(scope="package")
def collector(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """A collector for the examples to send to."""
    process = CollectorProcess(store.url, tmp_path_factory.mktemp("examples") / "data")
    yield process
    process.stop()
