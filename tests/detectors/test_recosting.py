"""Runs whose calls were priced anew cost what they would if they were assembled today."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from leeway.detectors import recosting
from leeway.detectors.assembler import Assembler, AssemblerSettings
from leeway.detectors.recosting import Recosted, recost_runs
from leeway.storage import Database
from leeway.storage.prices import load_prices
from leeway.storage.repricing import reprice
from tests.detectors.spans import T0_NS, SpanOf, store_batch, trace_id

S = 1_000_000_000
AFTER = T0_NS + 60 * S
EVER = (0, 2**63 - 1)
MINE = """
[[model]]
name = "gpt-4o"
price = { input = 1000, output = 3000 }
[[model]]
name = "in-house-7b"
price = { input = 0.7, output = 0.1, tiers = [{ above_input_tokens = 50, input = 30.3, output = 40 }] }
"""
COLUMNS = "* EXCEPT (revision, assembled_at)"


def call(trace: str, name: str, parent: str, model: str = "gpt-4o", start_ms: int = 0, **said: object) -> SpanOf:
    usage = {"input_tokens": 100, "output_tokens": 10, **said}
    pairs = {f"gen_ai.usage.{key}": value for key, value in usage.items() if value is not None}
    named = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
    return SpanOf(trace, name, parent, start_ms, start_ms + 5, attributes={**named, **pairs})  # type: ignore[dict-item]


def assembled(db: Database, now_ns: int = AFTER) -> None:
    """All that is in the ledger, by an assembler that remembers nothing."""
    for table in ("run_rows", "observation_rows", "progress"):
        db.command(f"TRUNCATE TABLE leeway.{table}")
    db.command("ALTER TABLE leeway.batches DELETE WHERE kind = 'observations'", settings={"mutations_sync": 2})
    assembler = Assembler(db, AssemblerSettings())
    assembler.recover(now_ns)
    while assembler.step(now_ns):
        pass


def runs(db: Database) -> list[dict[str, object]]:
    return db.rows(f"SELECT {COLUMNS} FROM leeway.runs ORDER BY trace_id")


def repriced(db: Database, tmp_path: Path) -> Recosted:
    path = tmp_path / "prices.toml"
    path.write_text(MINE)
    stop = threading.Event()
    reprice(db, load_prices(path), *EVER, lambda *_: None, stop)
    return recost_runs(db, *EVER, time.time_ns(), lambda _: None, stop)


def run_of_chance(chance: random.Random, trace: str) -> list[SpanOf]:
    """A tree of calls and other spans, calls often below calls: reported by two libraries, with tokens or without."""
    made = [SpanOf(trace, "root", start_ms=0, end_ms=500)]
    for n in range(chance.randint(1, 12)):
        above, start_ms = chance.choice(made[-3:]).name, chance.randint(0, 400)
        if chance.random() < 0.3:
            made.append(SpanOf(trace, f"s{n}", above, start_ms, start_ms + chance.randint(1, 90)))
            continue
        model = chance.choice(["gpt-4o", "in-house-7b", "nobody-knows", ""])
        tokens = chance.choice([None, 0, 1, 7, 63])
        said = {"cost": chance.choice([0, 1])} if chance.random() < 0.1 else {}
        span = call(trace, f"s{n}", above, model, start_ms, input_tokens=tokens, output_tokens=tokens, **said)
        if chance.random() < 0.2:
            span.attributes["gen_ai.operation.name"] = "embeddings"
        made.append(span)
    return made


@pytest.mark.parametrize(("seed", "some"), [(0, 2_000), (1, 2_000), (2, 7)])
def test_runs_cost_what_they_would_if_they_were_assembled_from_what_is_stored(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, some: int
) -> None:
    """Also where the runs are more than are looked at at once."""
    monkeypatch.setattr(recosting, "RUNS_A_QUERY_MAX", some)
    monkeypatch.setattr(recosting, "RUNS_A_STRETCH", 10 * some)
    chance = random.Random(seed)
    spans = [span for n in range(120) for span in run_of_chance(chance, f"{seed}/{n}")]
    chance.shuffle(spans)
    for batch in range(3):
        store_batch(db, batch + 1, spans[batch::3])
    assembled(db)
    before = runs(db)
    done = repriced(db, tmp_path)
    after = runs(db)
    assembled(db)
    assert after == runs(db)
    assert done.runs == sum(was != now for was, now in zip(before, after, strict=True)) > 50
    assert repriced(db, tmp_path) == Recosted()


def test_a_call_that_two_libraries_report_costs_once_after_it_was_priced_anew(db: Database, tmp_path: Path) -> None:
    """A framework's span of the call, the HTTP client's below it, and the model client's below that."""
    store_batch(db, 1, [
        SpanOf("a", "root", end_ms=100), call("a", "framework", "root"), SpanOf("a", "http", "framework"),
        call("a", "client", "http", "gpt-4o-2024-08-06"), call("a", "next", "root", "in-house-7b"),
    ])  # fmt: skip
    assembled(db)
    done = repriced(db, tmp_path)
    usd = {"gpt-4o": (100 * 1000 + 10 * 3000) / 1e6, "in-house-7b": (100 * 30.3 + 10 * 40) / 1e6}
    (run,) = db.rows("SELECT cost_usd, models FROM leeway.runs")
    assert run["cost_usd"] == pytest.approx(sum(usd.values()))
    assert {m["model"]: (m["calls"], m["cost_usd"]) for m in run["models"]} == {
        model: (1, pytest.approx(cost)) for model, cost in usd.items()
    }
    assert (done.runs, done.after_usd) == (1, run["cost_usd"])


def test_a_run_keeps_its_revision_and_when_it_was_assembled(db: Database, tmp_path: Path) -> None:
    store_batch(db, 1, [SpanOf("a", "root", end_ms=100), call("a", "ask", "root")])
    assembled(db)
    what = "SELECT revision, assembled_at, critical_path, first_span_time, last_span_time, complete FROM leeway.runs"
    before = db.rows(what)
    assert repriced(db, tmp_path).runs == 1
    assert db.rows(what) == before


def test_a_run_from_before_runs_knew_their_models_learns_them(db: Database, tmp_path: Path) -> None:
    store_batch(db, 1, [SpanOf("a", "root", end_ms=100), call("a", "ask", "root"), call("a", "said", "ask", cost=1)])
    store_batch(db, 2, [SpanOf("b", "root", end_ms=100), call("b", "ask", "root", cost=1)])
    assembled(db)
    db.insert_frame("run_rows", _without_models(db))
    assert db.rows("SELECT max(length(models)) AS models FROM leeway.runs") == [{"models": 0}]
    repriced(db, tmp_path)
    after = runs(db)
    assembled(db)
    assert after == runs(db)
    assert all(run["models"] for run in after)


def test_a_run_of_which_spans_are_gone_keeps_what_it_cost(db: Database, tmp_path: Path) -> None:
    store_batch(db, 1, [SpanOf("a", "root", end_ms=100), call("a", "ask", "root"), call("a", "again", "root")])
    store_batch(db, 2, [SpanOf("b", "root", end_ms=100), call("b", "ask", "root")])
    assembled(db)
    before = runs(db)
    gone = "ALTER TABLE leeway.span_rows DELETE WHERE name = 'again' OR trace_id = {gone:String}"
    db.command(gone, {"gone": trace_id("b")}, {"mutations_sync": 2})
    assert repriced(db, tmp_path).runs == 0
    assert runs(db) == before


def test_only_runs_with_calls_in_the_range_are_looked_at(db: Database, tmp_path: Path) -> None:
    store_batch(db, 1, [SpanOf("a", "root", end_ms=100), call("a", "ask", "root")])
    store_batch(db, 2, [SpanOf("b", "root", end_ms=100), call("b", "ask", "root", start_ms=5000)])
    assembled(db)
    repriced(db, tmp_path)
    now = runs(db)
    db.insert_frame("run_rows", _without_models(db))
    recost_runs(db, T0_NS + S, T0_NS + 10 * S, time.time_ns(), lambda _: None, threading.Event())
    by_trace = {run["trace_id"]: bool(run["models"]) for run in runs(db)}
    assert by_trace == {trace_id("a"): False, trace_id("b"): True}
    recost_runs(db, *EVER, time.time_ns(), lambda _: None, threading.Event())
    assert runs(db) == now


def test_what_is_broken_off_begins_no_further_group(db: Database, tmp_path: Path) -> None:
    store_batch(db, 1, [SpanOf("a", "root", end_ms=100), call("a", "ask", "root")])
    assembled(db)
    db.insert_frame("run_rows", _without_models(db))
    before = runs(db)
    stop = threading.Event()
    stop.set()
    assert recost_runs(db, *EVER, time.time_ns(), lambda _: None, stop) == Recosted()
    assert runs(db) == before


def _without_models(db: Database) -> pl.DataFrame:
    return db.frame("SELECT * EXCEPT models FROM leeway.runs")


def test_what_an_assembler_has_in_memory_is_no_longer_believed(db: Database, tmp_path: Path) -> None:
    """Neither for a run that a late span re-opens, nor for one that was waiting."""
    assembler = Assembler(db, AssemblerSettings())
    assembler.recover(AFTER)
    store_batch(db, 1, [SpanOf("a", "root", end_ms=100), call("a", "ask", "root")])
    while assembler.step(AFTER):
        pass
    store_batch(db, 2, [call("b", "ask", "root")])
    assembler.step(T0_NS + S // 2)
    assert len(assembler.pending.due) == 1
    repriced(db, tmp_path)
    store_batch(db, 3, [SpanOf("a", "late", "root"), SpanOf("b", "root", end_ms=100)])
    while assembler.step(AFTER + 60 * S):
        pass
    found = runs(db)
    assert [run["cost_usd"] for run in found] == [pytest.approx((100 * 1000 + 10 * 3000) / 1e6)] * 2
    assert [run["spans"] for run in found] == [3, 2]
    assert assembler.counts.runs_reread == 2
    for batch, name in enumerate(("root", "late"), start=4):
        store_batch(db, batch, [SpanOf("c", name, "" if name == "root" else "root")])
        while assembler.step(AFTER + batch * 60 * S):
            pass
    assert (assembler.counts.runs_reopened, assembler.counts.runs_reread) == (2, 2), "what came since is believed"
