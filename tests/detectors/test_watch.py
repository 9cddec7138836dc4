from __future__ import annotations

import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from leeway import storage
from leeway.detectors import Settings, backtest, checkpoint, run
from leeway.detectors.assembly import observation_frame
from leeway.detectors.records import observation_records
from leeway.detectors.watch import Watch
from leeway.model import Observation
from leeway.storage import Database
from tests.conftest import PATIENCE_S, StoreProcess
from tests.detectors.simulated import START_S, Behaviour, fleet

BAD = Behaviour(tools={"search": 0.2, "cache": 0.8}, latency_ms=8000.0, output_chars=200.0)


def story(runs: int = 400) -> list[Observation]:
    good = fleet(1, runs)
    bad = fleet(2, 150, lambda _: BAD, version="v2", start_s=START_S + runs / 40 + 5)
    return [*good, *bad]


def store_batches(
    db: Database, observations: Sequence[Observation], size: int = 60, writer: str = "assembler/0"
) -> None:
    """As the assembler writes them: rows first, then the ledger."""
    known = db.rows(f"SELECT max(seq) AS seq FROM leeway.batches WHERE writer = '{writer}'")
    seq = int(known[0]["seq"])
    for i in range(0, len(observations), size):
        seq += 1
        some = observations[i : i + size]
        db.insert_frame("observation_rows", observation_records(observation_frame(some), writer, seq))
        ledger = ["observations", writer, seq, len(some), time.time_ns() // 1000, []]
        db.insert("batches", ["kind", "writer", "seq", "rows", "committed_at", "request_hashes"], [ledger])


def findings(db: Database) -> list[dict]:
    return db.rows("SELECT * EXCEPT stream FROM leeway.findings ORDER BY id")


def catch_up(watch: Watch) -> int:
    total = 0
    while done := watch.catch_up():
        total += done
    return total


@pytest.fixture
def settings(store: StoreProcess, tmp_path: Path) -> Settings:
    return Settings(clickhouse=storage.Settings(clickhouse_url=store.url), data=tmp_path, port=0)


def test_what_was_observed_becomes_rows_of_findings_that_say_all_that_a_person_needs(
    db: Database, settings: Settings
) -> None:
    store_batches(db, story())
    assert catch_up(Watch(db, settings)) == 550
    rows = {(row["signal"], row["dimension"]): row for row in findings(db)}
    tools = rows["tools", ""]
    assert tools["baseline_version"] == "v1"
    assert tools["version"] == "v2"
    assert tools["headline"].startswith("planner v2: ")
    assert tools["e_value"] >= tools["threshold"] > 1e3
    assert len(tools["exemplars_current"]) == 5
    assert json.loads(tools["current"])["shares"]["cache"] > 0.6
    latency = rows["latency", ""]
    assert latency["direction"] == "up"
    assert latency["effect"] == pytest.approx(2.0, abs=0.25)
    assert json.loads(latency["baseline"])["edges"] == json.loads(latency["current"])["edges"]
    assert rows["output_length", ""]["direction"] == "down"


def test_a_watch_that_starts_anew_goes_on_where_the_last_one_saved(db: Database, settings: Settings) -> None:
    observations = story()
    whole = Settings(clickhouse=settings.clickhouse, data=settings.data, shard=0)
    store_batches(db, observations)
    catch_up(Watch(db, whole))
    expected = findings(db)
    assert expected
    for table in ("finding_rows", "progress"):
        db.command(f"TRUNCATE TABLE leeway.{table}")
    for _ in range(20):
        watch = Watch(db, replace(settings, read_rows_max=60))
        watch.catch_up()
        watch.save()
    assert findings(db) == expected


def test_findings_written_before_a_crash_and_again_after_it_are_there_once(db: Database, settings: Settings) -> None:
    store_batches(db, story())
    catch_up(Watch(db, settings))  # never saved
    once = findings(db)
    catch_up(Watch(db, settings))
    assert findings(db) == once
    assert db.command("SELECT count() FROM leeway.finding_rows FINAL") == len(once)


def test_a_backtest_finds_what_was_found_live(db: Database, settings: Settings) -> None:
    store_batches(db, story())
    catch_up(Watch(db, settings))
    found = backtest(db, settings, 0, 2**62)
    assert sorted(f.id for f in found) == [row["id"] for row in findings(db)]
    assert backtest(db, settings, 0, int(START_S * 1e9)) == []


def test_shards_share_the_services_among_themselves(db: Database, settings: Settings) -> None:
    pairs = zip(*[fleet(s, 30, service=f"service-{s}") for s in range(8)], strict=True)
    store_batches(db, list(chain.from_iterable(pairs)))
    seen: list[set[str]] = []
    for shard in range(2):
        watch = Watch(db, replace(settings, shard=shard, shards=2))
        catch_up(watch)
        seen.append({key[1] for key in watch.watcher.agents})
    assert seen[0] | seen[1] == {f"service-{s}" for s in range(8)}
    assert not seen[0] & seen[1]
    assert all(seen)


def test_a_state_that_cannot_be_understood_is_given_up_and_learning_begins_anew(
    db: Database, settings: Settings
) -> None:
    store_batches(db, story())
    watch = Watch(db, settings)
    catch_up(watch)
    watch.save()
    saved = checkpoint.load(db, watch.reader)
    assert saved is not None
    checkpoint.save(db, watch.reader, replace(saved, revision=99, state={"state_version": 0}), time.time_ns())
    again = Watch(db, settings)
    assert not again.watcher.agents
    assert again.catch_up() == 0


def test_the_process_answers_for_its_health_and_stops_cleanly(db: Database, settings: Settings) -> None:
    store_batches(db, story())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stop, is_ready = threading.Event(), threading.Event()
    thread = threading.Thread(target=run, args=(replace(settings, port=port), stop, is_ready.set))
    thread.start()
    try:
        assert is_ready.wait(PATIENCE_S)
        base = f"http://127.0.0.1:{port}"
        assert urllib.request.urlopen(f"{base}/healthz").status == 200
        assert urllib.request.urlopen(f"{base}/readyz").status == 200
        deadline_s = time.monotonic() + PATIENCE_S
        text = ""
        while "leeway_detectors_observations_total 550.0" not in text and time.monotonic() < deadline_s:
            text = urllib.request.urlopen(f"{base}/metrics").read().decode()
            time.sleep(0.05)
        assert "leeway_detectors_observations_total 550.0" in text
        assert 'leeway_detectors_versions{verdict="drifted"} 1.0' in text
        # What a round used is added when it is over.
        while (used_s := _used_s(text))["watching"] == 0.0 and time.monotonic() < deadline_s:
            text = urllib.request.urlopen(f"{base}/metrics").read().decode()
            time.sleep(0.05)
        assert set(used_s) == {"assembling", "watching"}
        assert all(0 < s < time.process_time() for s in used_s.values())
    finally:
        stop.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert checkpoint.load(db, "detectors/0") is not None
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{base}/healthz", timeout=1)


def _used_s(text: str) -> dict[str, float]:
    """The seconds of CPU time that each half of the loop has used."""
    found = re.findall(r"^leeway_detectors_(\w+)_cpu_seconds_total (\S+)$", text, re.MULTILINE)
    return {half: float(s) for half, s in found}
