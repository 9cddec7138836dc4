"""`leeway retention`, `backup`, `restore` and `forget`, as a person gives them."""

from __future__ import annotations

from pathlib import Path

from leeway import storage
from leeway.storage import Database
from tests.conftest import StoreProcess
from tests.runtime.processes import leeway
from tests.storage.otlp import framed, resource_spans, span


def test_a_backup_an_accident_and_a_restore(own_store: StoreProcess, tmp_path: Path) -> None:
    asked = {"LEEWAY_CLICKHOUSE_URL": own_store.url}
    with Database(storage.Settings(clickhouse_url=own_store.url)) as db:
        db.insert_otlp(framed([resource_spans([span()])]), "one")
        done = leeway("backup", "monday", **asked, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "leeway restore monday" in done.stdout
        refused = leeway("restore", "monday", **asked, folder=tmp_path)
        assert (refused.returncode, "the store has data" in refused.stderr) == (1, True)
        db.command("DROP DATABASE leeway SYNC")
        done = leeway("restore", "monday", **asked, folder=tmp_path)
        assert (done.returncode, done.stdout) == (0, "✓ monday is back\n"), done.stderr
        assert db.rows("SELECT count() AS n FROM leeway.spans") == [{"n": 1}]


def test_a_user_is_forgotten_and_the_person_told_what_is_left(
    store: StoreProcess, db: Database, tmp_path: Path
) -> None:
    db.insert_otlp(framed([resource_spans([span([("user.id", "ada")])])]), "ada")
    asked = ("forget", "--user", "ada", "--reason", "letter", "--clickhouse-url", store.url)
    done = leeway(*asked, "--dry-run", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1 traces would go\n"), done.stderr
    done = leeway(*asked, folder=tmp_path)
    assert done.stdout.startswith("✓ 1 traces, 1 rows\n  span_rows: 1 rows\n"), done.stderr
    assert "collector's spool" in done.stdout
    both = leeway(*asked, "--conversation", "talk", folder=tmp_path)
    assert (both.returncode, "one of them" in both.stderr) == (2, True)


def test_what_is_too_old_is_shown_and_then_goes(store: StoreProcess, db: Database, tmp_path: Path) -> None:
    db.insert_otlp(framed([resource_spans([span()])], received_ns=1_600_000_000_000_000_000), "old")
    (tmp_path / "leeway-retention.toml").write_text("[keep_days]\nspans = 7\n")
    shown = leeway("retention", "--dry-run", "--clickhouse-url", store.url, folder=tmp_path)
    assert shown.stdout == "· span_rows: drop 2020-09-13 (1 rows)\n", shown.stderr
    done = leeway("retention", "--clickhouse-url", store.url, folder=tmp_path)
    assert done.stdout == "✓ span_rows: drop 2020-09-13 (1 rows)\n", done.stderr
    again = leeway("retention", "--clickhouse-url", store.url, folder=tmp_path)
    assert again.stdout == "nothing is too old\n"
    (tmp_path / "leeway-retention.toml").write_text("[keep_days]\nspan = 7\n")
    wrong = leeway("retention", "--clickhouse-url", store.url, folder=tmp_path)
    assert (wrong.returncode, "keep_days.span is unknown" in wrong.stderr) == (1, True)
