"""What the commit ledger promises, held against the table of spans."""

from __future__ import annotations

from leeway.storage import Database


def assert_ledger_whole(db: Database) -> None:
    """No gap in any writer's numbers, and each number's spans are in the table."""
    ledger = db.rows(
        """SELECT writer, groupArray(seq) AS seqs, groupArray(spans) AS counts FROM
           (SELECT writer, seq, any(rows) AS spans FROM leeway.batches WHERE kind = 'spans'
            GROUP BY writer, seq ORDER BY writer, seq)
           GROUP BY writer"""
    )
    for writer in ledger:
        assert writer["seqs"] == list(range(1, len(writer["seqs"]) + 1)), writer["writer"]
    stored = db.rows(
        "SELECT writer, batch, uniqExact(trace_id, span_id) AS n FROM leeway.span_rows GROUP BY writer, batch"
    )
    said = {(w["writer"], seq): n for w in ledger for seq, n in zip(w["seqs"], w["counts"], strict=True)}
    assert {(r["writer"], r["batch"]): r["n"] for r in stored} == {key: n for key, n in said.items() if n}
