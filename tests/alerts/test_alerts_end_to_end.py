from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from leeway import alerts, storage
from tests.alerts.receivers import SECRET, Receiver, receiver
from tests.alerts.rows import finding, insert_findings, insert_spans
from tests.conftest import PATIENCE_S, StoreProcess, free_port, until

RULES = """
version: 1
webhooks:
  rollback: {{url: "{url}", secret_env: LEEWAY_TEST_SECRET}}
rules:
  - name: bad-rollout
    when: {{signal: [tools, latency], service: "travel-*", min_effect: 0.1}}
    open: version
    notify: [rollback]
    cooldown: 60s
    close: {{when: traffic_left, for: 500ms}}
"""


@contextmanager
def running(settings: alerts.Settings) -> Iterator[None]:
    stop, ready = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            alerts.run(settings, stop, ready.set)
        except BaseException as e:
            failures.append(e)
            raise

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while not ready.wait(0.05):
            assert thread.is_alive(), failures
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("LEEWAY_TEST_SECRET", SECRET)
    with receiver() as told:
        yield told


def settings_for(store: StoreProcess, tmp_path: Path, url: str) -> alerts.Settings:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.format(url=url))
    return alerts.Settings(
        clickhouse=storage.Settings(clickhouse_url=store.url),
        api_port=free_port(),
        rules=rules,
        evaluate_every_s=0.1,
        webhook_poll_s=0.1,
        webhook_first_retry_s=0.05,
        webhook_timeout_s=1.0,
    )


def test_a_finding_opens_the_breaker_and_the_receiver_gets_a_signed_webhook(
    store: StoreProcess, db: storage.Database, tmp_path: Path, hook: Receiver
) -> None:
    settings = settings_for(store, tmp_path, hook.url)
    api = f"http://127.0.0.1:{settings.api_port}"
    with running(settings):
        now_ns = time.time_ns()
        insert_spans(db, now_ns)
        insert_findings(db, finding("f1", now_ns))
        opened, closed = hook.wait_for(2)
        [breaker] = httpx.get(f"{api}/v1/breakers").json()["breakers"]
        detail = httpx.get(f"{api}/v1/breakers/{breaker['id']}").json()
        until(lambda: len(db.rows("SELECT * FROM leeway.deliveries")) == 2, "both deliveries are in the log")

    message = Webhook(SECRET).verify(opened.body, dict(opened.headers))
    assert message["type"] == "breaker.opened"
    assert message["version"] == 1
    assert message["id"] == opened.headers["webhook-id"]
    assert (message["from"], message["to"]) == ("closed", "open")
    assert message["subject"]["text"] == "default/travel-desk/planner@v2"
    assert message["rule"] == "bad-rollout"
    assert message["findings"][0]["exemplars"]["current"][0]["trace_id"] == "b" * 32
    assert message["findings"][0]["baseline"]["summary"]["shares"]["search_web"] == 0.05
    assert message["control"]["api"] == f"{api}/v1/breakers/{breaker['id']}"

    ending = Webhook(SECRET).verify(closed.body, dict(closed.headers))
    assert (ending["type"], ending["from"], ending["to"]) == ("breaker.closed", "open", "closed")
    assert ending["reason"].startswith("traffic left: no span for 500ms")
    assert [f["id"] for f in ending["findings"]] == ["f1"]
    assert closed.headers["webhook-id"] != opened.headers["webhook-id"]

    assert breaker["state"] == "closed"
    assert [h["to"] for h in detail["history"]] == ["open", "closed"]
    assert [e["id"] for e in detail["evidence"]] == ["f1"]
    [decision] = db.rows("SELECT * FROM leeway.decisions FINAL")
    assert (decision["decision"], decision["rule"], decision["rule_version"]) == (
        "opened",
        "bad-rollout",
        message["rule_version"],
    )
    actions = [row["action"] for row in db.rows("SELECT action FROM leeway.audit ORDER BY at")]
    assert actions == ["rules.loaded", "breaker.finding_matched", "breaker.traffic_left"]
    rows = db.rows("SELECT * FROM leeway.deliveries ORDER BY at")
    assert [(row["outcome"], row["status_code"], row["attempt"]) for row in rows] == [("delivered", 204, 1)] * 2
    assert json.loads(rows[0]["body"]) == message
