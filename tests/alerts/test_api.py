from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from leeway import alerts, storage
from leeway.alerts.subject import Subject
from leeway.model import Signal
from leeway.storage.policy_file import PolicyInvalid
from tests.alerts.rows import finding, insert_findings, insert_observations, insert_spans
from tests.conftest import PATIENCE_S, StoreProcess, free_port
from tests.storage import otlp

S = 1_000_000_000
V2 = Subject("default", "travel-desk", "planner", version="v2")
SAID = {"actor": "ada", "reason": "looks wrong"}
RULES = """
version: 1
webhooks: {tell: {url: "http://127.0.0.1:1/", secret_env: LEEWAY_NO_SUCH_SECRET}}
rules:
  - {name: bad, open: version, notify: [tell], when: {service: "travel-*"}, cooldown: 300ms}
"""


class Api:
    def __init__(self, settings: alerts.Settings) -> None:
        self.settings = settings
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{settings.api_port}", trust_env=False)
        self.stop, self.ready = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=alerts.run, args=(settings, self.stop, self.ready.set), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        while not self.ready.wait(0.05):
            assert self.thread.is_alive()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.stop.set()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()

    def get(self, path: str, **named: Any) -> httpx.Response:
        return self.client.get(path, **named)

    def post(self, path: str, body: Any = None, **named: Any) -> httpx.Response:
        return self.client.post(path, json=body, **named)

    def until(self, path: str, field: str, value: Any) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            body: dict[str, Any] = self.get(path).json()
            if body.get(field) == value:
                return body
            assert time.monotonic() < deadline, body
            time.sleep(0.02)


@pytest.fixture
def settings(store: StoreProcess, db: storage.Database, tmp_path: Path) -> alerts.Settings:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    return alerts.Settings(
        clickhouse=storage.Settings(clickhouse_url=store.url),
        api_port=free_port(),
        rules=rules,
        evaluate_every_s=0.1,
        page_rows_max=50,
        request_bytes_max=2_000,
    )


@pytest.fixture
def api(settings: alerts.Settings) -> Iterator[Api]:
    with Api(settings) as running:
        yield running


def test_a_person_opens_silences_and_closes_and_the_audit_knows(api: Api, db: storage.Database) -> None:
    opened = api.post("/v1/breakers", {**SAID, "subject": str(V2)})
    assert (opened.status_code, opened.headers["location"]) == (201, f"/v1/breakers/{V2.id}")
    assert opened.json()["changed"]
    assert (
        api.post(
            "/v1/breakers", {**SAID, "subject": {"service": "travel-desk", "agent": "planner", "version": "v2"}}
        ).status_code
        == 200
    )
    again = api.post(f"/v1/breakers/{V2.id}/open", SAID)
    assert (again.status_code, again.json()["changed"], again.json()["reason"]) == (200, False, "already open")
    assert api.post(f"/v1/breakers/{V2.id}/silence", {**SAID, "for": "1h"}).json()["breaker"]["silenced_until"]
    assert api.post(f"/v1/breakers/{V2.id}/close", SAID).json()["breaker"]["state"] == "closed"
    assert api.post(f"/v1/breakers/{V2.id}/approve", SAID).json()["reason"] == "closed: there is nothing to approve"
    page = api.get(f"/v1/breakers/{V2.id}").json()
    assert [h["to"] for h in page["history"]] == ["open", "open", "closed"]
    assert page["history"][0]["deliveries"][0]["target"] == "tell", "whoever the rules would tell is told"
    audit = api.get("/v1/audit", params={"actor": "ada"}).json()["items"]
    assert [row["action"] for row in reversed(audit)] == [
        *["breaker.person_opens"] * 3,
        "breaker.person_silences",
        "breaker.person_closes",
        "breaker.person_approves",
    ]
    assert {row["reason"] for row in audit if row["action"] == "breaker.person_opens"} >= {"looks wrong"}


def test_an_opened_breaker_shows_its_evidence_and_approval_expects_the_drift(api: Api, db: storage.Database) -> None:
    insert_findings(db, finding("f1", time.time_ns()))
    page = api.until(f"/v1/breakers/{V2.id}", "state", "open")
    assert (page["evidence"][0]["id"], page["evidence"][0]["current"]["shares"]["search_web"]) == ("f1", 0.6)
    assert page["rule"] == "bad"
    gate = "/v1/gates/travel-desk?candidate=v2&baseline=v1"
    assert api.get(gate).json()["verdict"] == "fail"
    approved = api.post(f"/v1/breakers/{V2.id}/approve", SAID).json()["breaker"]
    assert (approved["state"], approved["approved"]) == ("closed", ["tools"])
    assert api.get(gate).json()["verdict"] == "inconclusive"


def test_a_gate_never_passes_for_want_of_evidence(api: Api, db: storage.Database) -> None:
    unknown = api.get("/v1/gates/nobody?candidate=v2&baseline=v1").json()
    assert (unknown["verdict"], unknown["samples"]) == ("inconclusive", 0)
    insert_observations(db, time.time_ns(), 20)
    insert_observations(db, time.time_ns(), 20, agent_name="")
    few = api.get("/v1/gates/travel-desk?candidate=v2&baseline=v1").json()
    assert (few["verdict"], few["samples_needed"]) == ("inconclusive", 300)
    enough = api.get("/v1/gates/travel-desk?candidate=v2&baseline=v1&samples=20&agent=planner").json()
    assert (enough["verdict"], enough["samples"]) == ("pass", 20)
    insert_findings(db, finding("f1", time.time_ns(), service_name="travel-desk"))
    failed = api.get("/v1/gates/travel-desk?candidate=v2&baseline=v1&samples=20").json()
    assert failed["verdict"] == "fail"
    assert failed["signals"][0]["signal"] == "tools"
    assert api.get("/v1/gates/travel-desk?candidate=v1&samples=20").json()["verdict"] == "inconclusive"


def test_a_gate_fails_while_a_person_holds_the_candidate_open(api: Api, db: storage.Database) -> None:
    insert_observations(db, time.time_ns(), 20)
    api.post("/v1/breakers", {**SAID, "subject": str(V2)})
    held = api.get("/v1/gates/travel-desk?candidate=v2&samples=10").json()
    assert (held["verdict"], held["reason"]) == ("fail", f"the breaker {V2} is open")


def test_findings_audit_and_runs_are_the_tables(api: Api, db: storage.Database) -> None:
    at_ns = 1_790_000_000 * S
    insert_findings(db, *(finding(f"f{i}", at_ns + i * S) for i in range(5)))
    page = api.get("/v1/findings", params={"limit": 2, "offset": 1}).json()
    assert ([row["id"] for row in page["items"]], page["more"]) == (["f3", "f2"], True)
    assert api.get("/v1/findings", params={"signal": "cost"}).json()["items"] == []
    assert api.get("/v1/findings/f0").json()["found_at"] == "2026-09-21T14:13:20.000000Z"
    columns = [
        "project",
        "trace_id",
        "revision",
        "service_name",
        "start_time",
        "duration_ns",
        "complete",
        "critical_path",
    ]
    step = ("s1", "plan", "agent", "travel-desk", "planner", "", "", 7)
    db.insert("run_rows", columns, [["default", "ab" * 16, 1, "travel-desk", 0, 7, True, [step]]])
    run = api.get(f"/v1/runs/{'ab' * 16}").json()
    assert (run["run"]["duration_ns"], run["run"]["start_time"]) == (7, "1970-01-01T00:00:00.000000000Z")
    assert [step["self_ns"] for step in run["critical_path"]] == [7]
    assert run["evaluations"] == []


def test_a_run_tells_what_evaluators_said_of_it(db: storage.Database, api: Api) -> None:
    columns = ["project", "trace_id", "revision", "start_time", "complete"]
    db.insert("run_rows", columns, [["default", "ab" * 16, 1, 0, True]])
    judged: dict[str, otlp.Value] = {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 0.25}
    record = otlp.log_record(judged, event_name="gen_ai.evaluation.result", trace_id=b"\xab" * 16, span_id=b"\x01" * 8)
    judged = {"gen_ai.evaluation.name": "Unsure", "gen_ai.evaluation.score.value": math.nan}
    unsure = otlp.log_record(judged, event_name="gen_ai.evaluation.result", trace_id=b"\xab" * 16)
    db.insert_otlp(otlp.framed([otlp.resource_logs([record, unsure])]), "judged", Signal.LOGS)
    first, second = api.get(f"/v1/runs/{'ab' * 16}").json()["evaluations"]
    assert (first["name"], first["score"], first["span_id"], first["source"]) == ("Relevance", 0.25, "01" * 8, "log")
    assert first["time"].endswith("Z")
    assert (second["name"], second["score"]) == ("Unsure", None)


PROBLEMS: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/nowhere", None, 404, "/openapi.json"),
    ("GET", "/v1/breakers/0123", None, 404, "there is no breaker '0123'"),
    ("POST", "/v1/breakers/0123/close", SAID, 404, "there is no breaker"),
    ("POST", "/v1/breakers/0123/explode", SAID, 404, "nothing at this path"),
    ("DELETE", "/v1/breakers", None, 405, "this path answers"),
    ("GET", "/v1/breakers/0123/close", None, 405, "this path answers POST"),
    ("POST", "/v1/breakers", b"{", 400, "the body is not JSON"),
    ("POST", "/v1/breakers", b"\xff\xfe", 400, "the body is not JSON"),
    ("POST", "/v1/breakers", b"[" * 1_900, 400, "the body is not JSON"),
    ("POST", "/v1/breakers", [], 422, "body: must be a valid dictionary"),
    ("POST", "/v1/breakers", {"subject": "a/b/c"}, 422, "body.actor: Field required"),
    ("POST", "/v1/breakers", {**SAID, "reason": "  ", "subject": "a/b/c"}, 422, "body.reason: must say something"),
    ("POST", "/v1/breakers", {**SAID, "subject": "abc"}, 422, "must be like project/service/agent"),
    (
        "POST",
        "/v1/breakers",
        {**SAID, "subject": {"service": "s", "version": "1", "tool": "t"}},
        422,
        "a version or a tool, not both",
    ),
    ("POST", "/v1/breakers", {**SAID, "subject": "a/b/c", "colour": 1}, 422, "body.colour: Extra inputs"),
    ("POST", "/v1/breakers", b"x" * 2_001, 413, "2000 bytes or less"),
    ("GET", "/v1/findings?limit=0", None, 422, "query.limit: must be greater"),
    ("GET", "/v1/findings?limit=51", None, 422, "limit is 51; it must be 50 or less"),
    ("GET", "/v1/findings?offset=-1", None, 422, "query.offset"),
    ("GET", "/v1/findings?limit=many", None, 422, "query.limit"),
    ("GET", "/v1/findings?colour=red", None, 422, "query.colour"),
    ("GET", "/v1/breakers?state=ajar", None, 422, "query.state"),
    ("GET", "/v1/findings/f", None, 404, "there is no finding"),
    ("GET", "/v1/runs/xyz", None, 422, "32 lowercase hex digits"),
    ("GET", f"/v1/runs/{'0' * 32}", None, 404, "there is no run"),
    ("GET", "/v1/gates/s", None, 422, "query.candidate: Field required"),
    ("GET", "/v1/gates/s?candidate=v2&samples=0", None, 422, "query.samples"),
    ("POST", "/v1/deliveries/msg_x/resend", SAID, 404, "there is no delivery"),
]


def test_mistakes_are_answered_as_problems(api: Api) -> None:
    for method, path, body, status, said in PROBLEMS:
        content = (
            {"content": body, "headers": {"content-type": "application/json"}}
            if isinstance(body, bytes)
            else {"json": body}
        )
        response = api.client.request(method, path, **content)
        problem = response.json()
        assert response.status_code == status, (method, path, problem)
        assert response.headers["content-type"] == "application/problem+json"
        assert problem["status"] == status
        assert said in problem["detail"], (method, path, problem)
        if status == 405:
            assert response.headers["allow"]


def test_a_page_in_a_browser_cannot_open_a_breaker_for_a_stranger(api: Api) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        response = api.client.post("/v1/breakers", content=b"{}", headers={"content-type": kind})
        assert response.status_code == 415


def test_a_token_is_asked_of_everything_but_health(settings: alerts.Settings) -> None:
    with Api(replace(settings, api_token="s3cret")) as api:
        for path in ("/v1/breakers", "/v1/audit", "/v1/gates/s?candidate=v2"):
            refused = api.get(path)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="leeway"')
            assert api.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
            assert api.get(path, headers={"authorization": "Bearer ünknown".encode()}).status_code == 401
            assert api.get(path, headers={"authorization": "Bearer s3cret"}).status_code == 200
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            assert api.get(path).status_code == 200
        assert api.get("/openapi.json").json()["paths"]["/v1/breakers"]["get"]["security"] == [{"token": []}]


def test_the_openapi_page_describes_every_route(api: Api) -> None:
    page = api.get("/openapi.json").json()
    assert page["openapi"] == "3.1.0"
    assert set(page["paths"]["/v1/breakers"]) == {"get", "post"}
    assert {p["name"] for p in page["paths"]["/v1/gates/{service}"]["get"]["parameters"]} >= {
        "service",
        "candidate",
        "baseline",
        "samples",
    }
    text = str(page)
    for name in page["components"]["schemas"]:
        assert name
    references = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert references <= set(page["components"]["schemas"])


def test_flags_follow_the_breakers(api: Api, db: storage.Database) -> None:
    missing = api.post(f"/ofrep/v1/evaluate/flags/{V2.id}", {"context": {}})
    assert (missing.status_code, missing.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")
    api.post("/v1/breakers", {**SAID, "subject": str(V2)})
    for key in (V2.id, str(V2)):
        flag = api.post(
            f"/ofrep/v1/evaluate/flags/{key.replace('@', '%40')}", {"context": {"targetingKey": "u"}}
        ).json()
        assert (flag["key"], flag["value"], flag["variant"]) == (key, False, "open")
    every = api.post("/ofrep/v1/evaluate/flags", {"context": {}})
    assert [f["value"] for f in every.json()["flags"]] == [False]
    tag = {"if-none-match": every.headers["etag"]}
    assert api.post("/ofrep/v1/evaluate/flags", {}, headers=tag).status_code == 304
    api.post(f"/v1/breakers/{V2.id}/close", SAID)
    changed = api.post("/ofrep/v1/evaluate/flags", {}, headers=tag)
    assert (changed.status_code, changed.json()["flags"][0]["value"]) == (200, True)


def test_a_half_open_flag_lets_one_probe_through(api: Api, settings: alerts.Settings) -> None:
    api.post("/v1/breakers", {**SAID, "subject": str(V2), "cooldown": "1s"})
    api.until(f"/v1/breakers/{V2.id}", "state", "half_open")
    answers = [api.post(f"/ofrep/v1/evaluate/flags/{V2.id}", {}).json()["value"] for _ in range(2)]
    assert answers == [True, False]


def test_rules_are_read_again_and_a_broken_file_keeps_the_old_ones(api: Api, db: storage.Database) -> None:
    rules = api.settings.rules
    before = api.get("/readyz").json()["details"]["rule_version"]
    rules.write_text("version: 1\nrules: [{name: x}]\n")
    deadline = time.monotonic() + PATIENCE_S
    while "rules" not in (broken := api.get("/readyz").json())["details"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert broken["ready"]
    assert broken["details"]["rule_version"] == before
    assert "rules.yaml:2:9: rules[0].open: is missing" in broken["details"]["rules"]
    while "leeway_rules_broken 1.0" not in api.get("/metrics").text:
        assert time.monotonic() < deadline
    rules.write_text("version: 1\nrules: [{name: x, open: agent}]\n")
    while api.get("/readyz").json()["details"]["rule_version"] == before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    while len(loaded := api.get("/v1/audit?action=rules.loaded").json()["items"]) < 2:
        assert time.monotonic() < deadline
    assert loaded[1]["subject"] == before
    insert_spans(db, time.time_ns())
    insert_findings(db, finding("f1", time.time_ns()))
    api.until(f"/v1/breakers/{Subject('default', 'travel-desk', 'planner').id}", "rule_version", loaded[0]["subject"])


def test_without_a_rules_file_nothing_is_opened_and_readyz_says_so(
    settings: alerts.Settings, tmp_path: Path, db: storage.Database
) -> None:
    insert_findings(db, finding("f1", time.time_ns()))
    with Api(replace(settings, rules=tmp_path / "none.yaml")) as api:
        assert "there is no rules file" in api.get("/readyz").json()["details"]["rules"]
        assert api.get("/v1/breakers").json()["breakers"] == []


def test_a_broken_file_at_the_start_is_refused_with_its_lines(settings: alerts.Settings) -> None:
    settings.rules.write_text("version: 1\nrulez: []\n")
    with pytest.raises(PolicyInvalid, match="2:1: rulez: is not a key here; did you mean rules"):
        alerts.run(settings, threading.Event(), lambda: None)
