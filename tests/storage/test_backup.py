"""What a backup holds comes back, while others write, and after a store that died in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from leeway import storage
from leeway.model import LeewayError, Rejected
from leeway.storage import Database
from leeway.storage.life import backup, restore
from leeway.storage.life.backup import STAGES
from tests.conftest import StoreProcess
from tests.storage.otlp import framed, resource_spans, span


@pytest.fixture
def full(own_store: StoreProcess) -> Iterator[Database]:
    with Database(storage.Settings(clickhouse_url=own_store.url)) as db:
        write(db, 1)
        yield db


def write(db: Database, batch: int, spans: int = 10, received_ns: int = 0) -> None:
    """A batch and its row of the ledger, as a collector does it."""
    some = [span([("n", n)], span_id=(batch * 1000 + n).to_bytes(8, "big")) for n in range(spans)]
    now = datetime.now(UTC)
    db.insert_otlp(
        framed([resource_spans(some)], batch=batch, received_ns=received_ns or time.time_ns()), f"batch-{batch}"
    )
    columns = ["kind", "writer", "seq", "rows", "committed_at", "request_hashes"]
    db.insert("batches", columns, [["spans", "w1", batch, spans, now, []]])


def empty(db: Database) -> None:
    db.command("DROP DATABASE leeway SYNC")


def spans_of(db: Database) -> dict[int, int]:
    return {row["batch"]: row["n"] for row in db.rows("SELECT batch, count() AS n FROM leeway.spans GROUP BY batch")}


def test_a_backup_comes_back_whole_and_goes_on(full: Database) -> None:
    tables = full.rows("SELECT name, engine FROM system.tables WHERE database = 'leeway' ORDER BY name")
    content = full.rows("SELECT * FROM leeway.spans ORDER BY span_id")
    made = backup(full, "monday", "me")
    assert made.bytes > 0
    empty(full)
    restore(full, "monday", "me")
    assert full.rows("SELECT name, engine FROM system.tables WHERE database = 'leeway' ORDER BY name") == tables
    assert full.rows("SELECT * FROM leeway.spans ORDER BY span_id") == content
    assert storage.migrate(full) == []
    write(full, 2)
    assert spans_of(full) == {1: 10, 2: 10}
    assert [row["action"] for row in full.rows("SELECT action FROM leeway.audit ORDER BY at")] == ["backup.restored"]


def test_a_backup_on_another_holds_what_has_changed_since(full: Database) -> None:
    write(full, 2, spans=1000)
    first = backup(full, "first", "me")
    write(full, 3)
    second = backup(full, "second", "me", base="first")
    assert second.bytes < first.bytes
    empty(full)
    restore(full, "second", "me")
    assert spans_of(full) == {1: 10, 2: 1000, 3: 10}


def test_a_backup_taken_while_others_write_speaks_of_nothing_that_it_has_not(
    own_store: StoreProcess, full: Database
) -> None:
    stop, written = threading.Event(), threading.Event()

    def keep_writing() -> None:
        batch = 1
        with Database(storage.Settings(clickhouse_url=own_store.url)) as db:
            while not stop.is_set():
                batch += 1
                write(db, batch)
                written.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(keep_writing)
        assert written.wait(60)
        backup(full, "busy", "me")
        stop.set()
        writing.result()
    empty(full)
    restore(full, "busy", "me")
    stored = spans_of(full)
    ledger = {row["seq"]: row["rows"] for row in full.rows("SELECT seq, rows FROM leeway.batches FINAL")}
    assert ledger == stored
    assert set(stored.values()) == {10}, "a batch is there whole or not at all"


def test_a_batch_that_had_waited_in_a_spool_for_hours_and_came_in_during_a_backup_is_in_the_ledger(
    full: Database,
) -> None:
    def drained(stage: str, *_: int) -> None:
        if stage == "runs":  # the ledger is in the backup, the spans are not yet
            write(full, 2, received_ns=time.time_ns() - 5 * 3600 * 10**9)

    backup(full, "monday", "me", progress=drained)
    empty(full)
    restore(full, "monday", "me")
    assert spans_of(full) == {1: 10, 2: 10}
    ledger = full.rows("SELECT seq, rows FROM leeway.batches FINAL WHERE kind = 'spans' ORDER BY seq")
    assert [(row["seq"], row["rows"]) for row in ledger] == [(1, 10), (2, 10)]


def test_a_store_that_dies_in_a_backup_leaves_none_that_looks_whole(own_store: StoreProcess, full: Database) -> None:
    write(full, 2, spans=1000)

    def die(stage: str, *_: int) -> None:
        if stage == "rest":
            own_store.kill()

    with pytest.raises(LeewayError):
        backup(full, "cut", "me", progress=die)
    own_store.start()
    assert spans_of(full) == {1: 10, 2: 1000}
    backup(full, "whole", "me")
    empty(full)
    with pytest.raises(Rejected, match="cannot restore"):
        restore(full, "cut", "me")
    restore(full, "whole", "me")
    assert spans_of(full) == {1: 10, 2: 1000}


@pytest.mark.parametrize("at", ["findings", "rest", "schema"])
def test_a_store_that_dies_in_a_restore_begins_again(own_store: StoreProcess, full: Database, at: str) -> None:
    backup(full, "one", "me")
    empty(full)

    def die(stage: str, *_: int) -> None:
        if stage == at:
            own_store.kill()

    with pytest.raises(LeewayError):
        restore(full, "one", "me", die)
    own_store.start()
    restore(full, "one", "me")
    assert spans_of(full) == {1: 10}
    assert storage.migrate(full) == []


def test_a_store_with_data_is_not_overwritten_and_names_cannot_lead_elsewhere(full: Database) -> None:
    backup(full, "one", "me")
    with pytest.raises(Rejected, match="the store has data; restore into an empty one"):
        restore(full, "one", "me")
    with pytest.raises(Rejected, match=r"cannot backup: .*already exists"):
        backup(full, "one", "me")
    for name in ("../x", "a/b", "", "'"):
        with pytest.raises(Rejected, match="is no name for a backup"):
            backup(full, name, "me")
    assert spans_of(full) == {1: 10}


@pytest.mark.parametrize(
    "statement",
    [
        "BACKUP TABLE leeway.batches TO File('/tmp/elsewhere/b')",
        "BACKUP TABLE leeway.batches TO File('../elsewhere')",
        "BACKUP TABLE leeway.batches TO File('b') SETTINGS base_backup = File('/tmp/elsewhere/a')",
        "RESTORE TABLE leeway.batches AS leeway.other FROM File('/tmp/elsewhere/b')",
    ],
)
def test_backups_stay_in_their_folder(db: Database, statement: str) -> None:
    with pytest.raises(Rejected, match="not allowed for backups"):
        db.command(statement)


def test_every_table_is_in_one_stage() -> None:
    named = [table for _, tables in STAGES for table in tables]
    assert len(named) == len(set(named))
    assert [stage for stage, tables in STAGES if not tables] == ["rest"]
    assert STAGES[-1] == ("schema", ("schema_versions",))
