"""`kill -9` between any two steps of the alerts, then a start: nothing is lost, nothing is doubled."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from leeway.storage import Database
from tests.alerts.processes import alerts_process, start
from tests.alerts.receivers import receiver
from tests.alerts.rows import finding, insert_findings
from tests.conftest import PATIENCE_S, StoreProcess, free_port, tail, until

RULES = """
version: 1
webhooks: {{rollback: {{url: "{url}", secret_env: LEEWAY_TEST_SECRET}}}}
rules:
  - {{name: bad-rollout, open: version, notify: [rollback], cooldown: 1h}}
"""

STEPS = [
    ("book", "write_transition", "after", 1),
    ("book", "write_audit", "after", 2),  # the first call is the start's
    ("book", "write_transition", "after", 2),
    ("engine", "write_decisions", "before", 1),
    ("engine", "write_decisions", "after", 1),
    ("deliveries", "post", "after", 1),
    ("deliveries", "Deliveries._log", "before", 2),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda s: f"{s[2]} {s[1]} {s[3]}")
def test_a_kill_between_two_steps_neither_loses_nor_doubles(
    store: StoreProcess, db: Database, tmp_path: Path, step: tuple[str, str, str, int]
) -> None:
    rules, log = tmp_path / "rules.yaml", tmp_path / "log"
    now_ns = time.time_ns()
    with receiver() as told:
        rules.write_text(RULES.format(url=told.url))
        insert_findings(
            db, finding("f1", now_ns), finding("f2", now_ns + 1_000), finding("f3", now_ns + 2_000, agent_name="booker")
        )
        killed = start(store.url, rules, free_port(), log, step)
        assert killed.wait(PATIENCE_S) == -signal.SIGKILL, log.read_text()[-4000:]
        log.write_bytes(b"")
        with alerts_process(store.url, rules, free_port(), log):
            until(
                lambda: len(db.rows("SELECT 1 FROM leeway.deliveries WHERE outcome = 'delivered'")) >= 2,
                lambda: f"both webhooks were delivered:\n{tail(log)}",
            )

    transitions = db.rows(
        "SELECT subject, to_state, transition_id, finding_ids FROM leeway.breakers ORDER BY subject, seq"
    )
    assert [(t["subject"], t["to_state"], t["finding_ids"]) for t in transitions] == [
        ("default/travel-desk/booker@v2", "open", ["f3"]),
        ("default/travel-desk/planner@v2", "open", ["f1"]),
    ]
    decisions = db.rows("SELECT finding_id, decision FROM leeway.decisions FINAL ORDER BY finding_id")
    assert [tuple(d.values()) for d in decisions] == [("f1", "opened"), ("f2", "already open"), ("f3", "opened")]
    sent = {r.headers["webhook-id"] for r in told.received}
    assert sent == {row["delivery_id"] for row in db.rows("SELECT delivery_id FROM leeway.deliveries")}
    assert len(sent) == 2
    audited = [row["id"] for row in db.rows("SELECT id FROM leeway.audit WHERE action = 'breaker.finding_matched'")]
    assert sorted(audited) == sorted(t["transition_id"] for t in transitions)
