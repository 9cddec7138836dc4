"""Fixtures: real processes, started as a person starts them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.collector.process import STORED_FIRST
from tests.runtime.processes import Collector, HasUrl, Leeway

Start = Callable[..., Leeway]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `leeway` with these arguments and settings; whatever still runs at the end of the test is killed."""
    started: list[Leeway] = []

    def begin(*arguments: str, **environment: str) -> Leeway:
        process = Leeway(list(arguments), environment, tmp_path)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.end()


@pytest.fixture
def collector(store: HasUrl, db: object, start: Start, tmp_path: Path, free_port: Callable[[], int]) -> Collector:
    """A collector before the session's store, whose tables are empty."""
    grpc_port, http_port = free_port(), free_port()
    process = start(
        "collector",
        LEEWAY_CLICKHOUSE_URL=store.url,
        LEEWAY_DATA=str(tmp_path / "collector-data"),
        LEEWAY_GRPC_PORT=str(grpc_port),
        LEEWAY_HTTP_PORT=str(http_port),
        **{f"LEEWAY_COLLECTOR_{name.upper()}": str(value) for name, value in STORED_FIRST.items()},
    )
    process.wait_until_ready()
    return Collector(process, grpc_port, http_port)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Gives ports that were free a moment ago, each another."""
    given: set[int] = set()

    def find() -> int:
        while True:
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port: int = s.getsockname()[1]
            if port not in given:
                given.add(port)
                return port

    return find
