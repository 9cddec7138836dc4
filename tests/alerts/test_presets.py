from __future__ import annotations

import json
from typing import Any

import pytest

from leeway.alerts.presets import News, body_of
from leeway.alerts.records import Transition, finding_from
from leeway.alerts.subject import Subject
from leeway.model import Rejected
from tests.alerts.rows import finding

OPENED = Transition(
    Subject("default", "travel-desk", "planner", version="v2"), 1, 1_790_000_000_000_000_000,
    "closed", "open", "opened: <tools> & more", "bad-rollout", "abc", "leeway", ("f1",),
    {"event": {"kind": "finding_matched"}},
)  # fmt: skip


def news(transition: Transition = OPENED, findings: int = 1, **changes: Any) -> News:
    rows = [finding(f"f{i}", 1_000, **changes) for i in range(findings)]
    plain = [{k: json.dumps(v) if isinstance(v, dict) else v for k, v in row.items()} for row in rows]
    made = [finding_from({**row, "found_at_ns": 1_000, "first_observed_ns": 500}) for row in plain]
    return News("msg_1", transition, made, "http://api", "http://ui")


def test_links_lead_to_the_dashboards_and_the_api() -> None:
    body = json.loads(body_of("generic", news(), 10**6))
    assert body["links"]["dashboard"] == f"http://ui/breakers?breaker={OPENED.breaker_id}"
    assert body["findings"][0]["links"]["dashboard"] == "http://ui/drift?finding=f0"
    trace = body["findings"][0]["exemplars"]["current"][0]
    assert trace == {
        "trace_id": "b" * 32,
        "api": f"http://api/v1/runs/{'b' * 32}",
        "dashboard": f"http://ui/runs?trace={'b' * 32}",
    }


@pytest.mark.parametrize("bytes_max", [20_000, 8_000, 5_000, 2_500])
def test_a_body_shrinks_by_kind_until_it_fits(bytes_max: int) -> None:
    told = news(findings=20, evidence={"path": list(range(500))})
    text = body_of("generic", told, bytes_max)
    body = json.loads(text)
    assert len(text) <= bytes_max
    assert body["omitted"]["what"]
    assert body["subject"]["version"] == "v2"


def test_a_body_that_cannot_shrink_enough_is_refused() -> None:
    with pytest.raises(Rejected, match="webhook_body_bytes_max"):
        body_of("generic", news(), 200)


def test_what_json_lacks_does_not_break_the_body() -> None:
    body = json.loads(body_of("generic", news(effect=float("inf"), e_value=float("nan")), 10**6))
    assert body["findings"][0]["effect"] == "inf"


def test_alertmanager_gets_one_alert_that_ends_when_the_breaker_closes() -> None:
    [alert] = json.loads(body_of("alertmanager", news(), 10**6))
    assert alert["labels"]["alertname"] == "LeewayBreaker"
    assert alert["labels"]["version"] == "v2"
    assert "tool" not in alert["labels"]
    closed = Transition(
        OPENED.subject, 2, OPENED.at_ns + 5, "open", "closed", "traffic left", "bad-rollout", "abc", "leeway", (), {}
    )
    [ended] = json.loads(body_of("alertmanager", news(closed), 10**6))
    assert ended["labels"] == alert["labels"]
    assert ended["endsAt"] < alert["endsAt"]


def test_slack_gets_text_that_cannot_be_taken_for_markup() -> None:
    body = json.loads(body_of("slack", news(findings=9), 10**6))
    assert "&lt;tools&gt; &amp; more" in body["text"]
    text = body["blocks"][0]["text"]["text"]
    assert "and 4 more findings" in text
    assert len(text) <= 3000
