"""The store goes away and comes back: the alerts wait, say so, and go on."""

from __future__ import annotations

import time
from pathlib import Path

from leeway import alerts, storage
from leeway.alerts.subject import Subject
from tests.alerts.rows import finding, insert_findings
from tests.alerts.test_api import RULES, SAID, Api
from tests.conftest import PATIENCE_S, StoreProcess, free_port, until

V2 = Subject("default", "travel-desk", "planner", version="v2")


def until_status(api: Api, path: str, status: int) -> None:
    until(lambda: api.get(path).status_code == status, lambda: f"{path} said {status}: {api.get(path).text}")


def test_the_alerts_wait_for_the_store_at_the_start_and_whenever_it_is_away(
    spare_store: StoreProcess, tmp_path: Path
) -> None:
    spare_store.stop()
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    clickhouse = storage.Settings(clickhouse_url=spare_store.url)
    api = Api(alerts.Settings(clickhouse=clickhouse, api_port=free_port(), rules=rules, evaluate_every_s=0.1))
    api.thread.start()
    try:
        assert not api.ready.wait(1.0)
        assert api.thread.is_alive()
        spare_store.start()
        assert api.ready.wait(PATIENCE_S)
        until_status(api, "/readyz", 200)
        api.post("/v1/breakers", {**SAID, "subject": "default/travel-desk/booker"})

        spare_store.kill()
        until_status(api, "/readyz", 503)
        assert api.get("/v1/breakers").json()["breakers"][0]["state"] == "open", "states are known without the store"
        gate = api.get("/v1/gates/travel-desk?candidate=v2")
        assert (gate.status_code, gate.json()["status"]) == (503, 503), "no answer is never a pass"
        assert gate.headers["retry-after"]
        refused = api.post("/v1/breakers", {**SAID, "subject": str(V2)})
        assert refused.status_code == 503

        spare_store.start()
        until_status(api, "/readyz", 200)
        with storage.Database(clickhouse) as db:
            insert_findings(db, finding("f1", time.time_ns()))
        api.until(f"/v1/breakers/{V2.id}", "state", "open")
    finally:
        api.__exit__()
