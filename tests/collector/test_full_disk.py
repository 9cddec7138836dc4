"""A disk that is really full (a small tmpfs): the collector's own, and ClickHouse's. Needs root, which may mount."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from leeway import storage
from leeway.storage import Database
from tests.collector.client import grpc_export
from tests.collector.ledger import assert_ledger_whole
from tests.collector.process import CollectorProcess
from tests.collector.requests import request, span
from tests.conftest import PATIENCE_S, StoreProcess, until

MIB = 1024 * 1024


def _mount(folder: Path, size_mib: int) -> bool:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = tmp_path / "disk"
    if os.geteuid() != 0 or not _mount(folder, request.param):
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


class Ballast:
    """A file that takes up what is free on a disk."""

    def __init__(self, folder: Path, left_bytes: int) -> None:
        self._path = folder / "ballast"
        size = shutil.disk_usage(folder).free - left_bytes
        with self._path.open("wb") as file:
            for _ in range(0, size, MIB):
                file.write(bytes(min(MIB, size)))

    def drop(self) -> None:
        self._path.unlink()


class Sender(threading.Thread):
    """Sends requests, each until it is acknowledged."""

    def __init__(self, target: CollectorProcess) -> None:
        super().__init__(daemon=True)
        self._target = target
        self._enough = threading.Event()
        self.acknowledged: list[str] = []
        self.codes: list[str] = []

    def run(self) -> None:
        n = 0
        while not self._enough.is_set():
            n += 1
            body = request(*(span(f"{n}-{i}-" + os.urandom(500).hex()) for i in range(50)))
            while (code := grpc_export(self._target, body.SerializeToString()).code) != "OK":
                self.codes.append(code)
                time.sleep(0.1)
            self.codes.append(code)
            self.acknowledged += [s.span_id.hex() for r in body.resource_spans for s in r.scope_spans[0].spans]

    def finish(self) -> None:
        self._enough.set()
        self.join(timeout=PATIENCE_S)
        assert not self.is_alive(), "the last request was never acknowledged"

    def until_refused(self) -> None:
        """Until the disk is felt."""
        until(lambda: self.codes.count("UNAVAILABLE") >= 3, lambda: f"requests were refused: {set(self.codes)}")


def assert_each_once(store: StoreProcess, acknowledged: list[str]) -> None:
    with Database(storage.Settings(clickhouse_url=store.url)) as db:
        seen = [r["span_id"] for r in db.rows("SELECT span_id FROM leeway.spans")]
        assert len(seen) == len(set(seen))
        assert set(seen) == set(acknowledged)
        assert_ledger_whole(db)


@pytest.mark.slow
@pytest.mark.parametrize("small_disk", [8], indirect=True)
def test_a_collector_whose_disk_is_full_asks_to_come_back_and_goes_on(
    small_disk: Path, own_store: StoreProcess
) -> None:
    own = CollectorProcess(own_store.url, small_disk / "collector", backoff_s_max=0.5)
    sender = Sender(own)
    try:
        sender.start()
        own_store.kill()
        sender.until_refused()
        assert own.metric("refused_total") > 0
        until(lambda: "No space left" in httpx.get(f"{own.http}/readyz").text, "readyz tells that there is no room")
        own_store.start()  # what is in the spool makes room as it drains
        own.wait_until_drained()
        sender.finish()
        own.wait_until_drained()
        until(lambda: httpx.get(f"{own.http}/readyz").status_code == 200, "readyz tells that there is room again")
        assert set(sender.codes) == {"OK", "UNAVAILABLE"}
        assert_each_once(own_store, sender.acknowledged)
    finally:
        own.stop()


@pytest.mark.slow
@pytest.mark.parametrize("small_disk", [400], indirect=True)
def test_a_store_whose_disk_is_full_loses_nothing_that_was_acknowledged(small_disk: Path, tmp_path: Path) -> None:
    store = StoreProcess(small_disk / "store")
    own = CollectorProcess(
        store.url, tmp_path / "collector", backoff_s_max=0.5, spool_after_s=1.0, spool_bytes_max=4 * MIB
    )
    sender = Sender(own)
    try:
        ballast = Ballast(small_disk, 3 * MIB)
        sender.start()
        sender.until_refused()  # first the spool fills, then there is no room anywhere
        assert own.metric("spool_bytes") > 0
        ballast.drop()
        own.wait_until_drained()
        sender.finish()
        own.wait_until_drained()
        assert set(sender.codes) == {"OK", "UNAVAILABLE"}, "a full disk is no fault of a request"
        assert own.metric("set_aside_items_total") == 0
        assert_each_once(store, sender.acknowledged)
    finally:
        own.stop()
        store.stop()
