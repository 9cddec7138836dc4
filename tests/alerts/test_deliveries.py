from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from standardwebhooks import Webhook

from leeway.alerts import Settings, resend
from leeway.alerts.book import Book, Cause
from leeway.alerts.breaker import FindingMatched
from leeway.alerts.deliveries import Deliveries
from leeway.alerts.metrics import Metrics
from leeway.alerts.rules import Rules
from leeway.alerts.subject import Subject
from leeway.model import Rejected
from leeway.storage import Database
from tests.alerts.receivers import SECRET, Receiver, receiver
from tests.alerts.rows import finding, insert_findings
from tests.conftest import PATIENCE_S, free_port

S = 1_000_000_000
ENVIRONMENT = {"SECRET": SECRET}


class Clock:
    """Real time, moved on at will: signatures are made and checked against the wall clock."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def __call__(self) -> int:
        return time.time_ns() + self.ahead_ns


class Post:
    """Deliveries over one set of webhooks; `again` is the same after a restart."""

    def __init__(
        self, db: Database, urls: dict[str, str], clock: Clock, environ: dict[str, str], **settings: Any
    ) -> None:
        self.db, self.urls, self.clock, self.environ, self.settings = db, urls, clock, environ, settings
        hooks = {name: {"url": url, "secret_env": "SECRET"} for name, url in urls.items()}
        self.rules = Rules.model_validate({"version": 1, "webhooks": hooks})
        self.metrics = Metrics()
        # Waits are long, so that only a clock that moves on makes anything due again.
        defaults: dict[str, Any] = {
            "webhook_first_retry_s": 100.0,
            "webhook_retry_s_max": 400.0,
            "webhook_timeout_s": 0.3,
        }
        self.deliveries = Deliveries(
            db,
            Settings(**(defaults | settings)),
            lambda: self.rules,
            self.metrics,
            environ=environ,
            now_ns=clock,
        )

    def trip(self, agent: str = "planner", **changes: Any) -> None:
        """Opens a breaker of which every webhook is told."""
        insert_findings(self.db, finding(f"f-{agent}", 1_000 * S, agent_name=agent, **changes))
        event = FindingMatched(1_000 * S, (f"f-{agent}",), frozenset({"tools"}), "moved", 60 * S)
        cause = Cause("leeway", "r", "abc", (f"f-{agent}",), tuple(self.urls))
        Book(self.db).apply(Subject("default", "travel-desk", agent, version="v2"), event, cause)

    def log(self) -> list[dict[str, Any]]:
        return self.db.rows("SELECT * FROM leeway.deliveries ORDER BY delivery_id, attempt, at")

    def attempt(self, rows: int) -> list[dict[str, Any]]:
        """Polls until the log has so many rows."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.log()) < rows:
            assert time.monotonic() < deadline, self.log()
            self.deliveries.poll()
            time.sleep(0.02)
        return self.log()


@pytest.fixture
def make(db: Database) -> Iterator[Callable[..., Post]]:
    made: list[Post] = []

    def one(
        urls: dict[str, str], clock: Clock | None = None, environ: dict[str, str] = ENVIRONMENT, **settings: Any
    ) -> Post:
        made.append(Post(db, urls, clock or Clock(), environ, **settings))
        return made[-1]

    yield one
    for post in made:
        post.deliveries.close()


@contextmanager
def answering(status: int, **headers: str) -> Iterator[Receiver]:
    with receiver() as told:
        told.answer = lambda _: (status, headers)
        yield told


def ids(told: Receiver) -> set[str]:
    return {r.headers["webhook-id"] for r in told.received}


def test_a_receiver_that_is_down_gets_the_same_message_once_it_is_up(make: Callable[..., Post]) -> None:
    port = free_port()
    post = make({"a": f"http://127.0.0.1:{port}/hook"})
    post.trip()
    [row] = post.attempt(1)
    assert (row["outcome"], row["status_code"], row["attempt"]) == ("failed", 0, 1)
    assert "ConnectError" in row["error"]
    assert post.deliveries.poll() == 1, "it is waiting"
    post.clock.ahead_ns += 100 * S
    with receiver(port) as told:
        rows = post.attempt(2)
        assert [row["outcome"] for row in rows] == ["failed", "delivered"]
        assert told.received[0].headers["webhook-id"] == rows[0]["delivery_id"]
        assert told.received[0].body.decode() == rows[0]["body"] == rows[1]["body"]
        post.clock.ahead_ns += 1_000 * S
        assert post.deliveries.poll() == 0


def test_every_attempt_is_signed_anew_under_the_same_id(make: Callable[..., Post]) -> None:
    with answering(500) as told:
        post = make({"a": told.url})
        post.trip()
        post.attempt(1)
        told.answer = lambda _: (200, {})
        post.clock.ahead_ns += 100 * S
        post.attempt(2)
    first, second = told.received
    assert ids(told) == {first.headers["webhook-id"]}
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    for message in (first, second):
        assert Webhook(SECRET).verify(message.body, dict(message.headers))["type"] == "breaker.opened"


@pytest.mark.parametrize("status", [500, 503, 404, 401, 400, 302])
def test_any_answer_but_success_is_tried_again(make: Callable[..., Post], status: int) -> None:
    with answering(status, location="http://127.0.0.1:1/elsewhere") as told:
        post = make({"a": told.url})
        post.trip()
        [row] = post.attempt(1)
    assert (row["outcome"], row["status_code"]) == ("failed", status)
    assert len(told.received) == 1, "redirects are not followed"


def test_a_receiver_that_does_not_answer_in_time_is_tried_again(make: Callable[..., Post]) -> None:
    def wait(_: object) -> tuple[int, dict[str, str]]:
        time.sleep(1)
        return 200, {}

    with receiver() as told:
        told.answer = wait
        post = make({"a": told.url})
        post.trip()
        [row] = post.attempt(1)
        assert row["outcome"] == "failed"
        assert "ReadTimeout" in row["error"]


def test_gone_is_a_dead_letter_at_once_and_the_next_message_is_sent_as_ever(make: Callable[..., Post]) -> None:
    with answering(410) as told:
        post = make({"a": told.url})
        post.trip("planner")
        [row] = post.attempt(1)
        assert (row["outcome"], row["next_attempt_at"]) == ("dead", None)
        post.trip("booker")
        post.attempt(2)
    assert len(ids(told)) == 2


def test_retry_after_is_honoured(make: Callable[..., Post]) -> None:
    with answering(429, **{"retry-after": "7000"}) as told:
        post = make({"a": told.url})
        post.trip()
        [row] = post.attempt(1)
    assert (row["next_attempt_at"] - row["at"]).total_seconds() >= 7000


def test_after_the_last_attempt_it_is_a_dead_letter_that_a_person_can_resend(
    make: Callable[..., Post], db: Database
) -> None:
    with answering(500) as told:
        post = make({"a": told.url}, webhook_give_up_after_s=1_000.0)
        post.trip()
        rows = post.attempt(1)
        while rows[-1]["outcome"] != "dead":
            assert len(rows) < 20
            post.clock.ahead_ns += 400 * S
            rows = post.attempt(len(rows) + 1)
        assert post.deliveries.poll() == 0
        told.answer = lambda _: (204, {})
        resend(db, rows[0]["delivery_id"], "ada", "the receiver is mended", post.clock())
        rows = post.attempt(len(rows) + 2)
    assert [row["outcome"] for row in rows[-3:]] == ["dead", "resend", "delivered"]
    assert len(ids(told)) == 1
    [audit] = db.rows("SELECT * FROM leeway.audit WHERE action = 'delivery.resend'")
    assert (audit["actor"], audit["reason"]) == ("ada", "the receiver is mended")


def test_a_delivery_that_never_was_cannot_be_resent(db: Database) -> None:
    with pytest.raises(Rejected, match="no delivery"):
        resend(db, "msg_x", "ada", "why not", 1)


def test_what_waits_survives_a_restart(make: Callable[..., Post]) -> None:
    with answering(500) as told:
        before = make({"a": told.url})
        before.trip()
        before.attempt(1)
        before.deliveries.close()
        after = make({"a": told.url}, before.clock)
        assert after.deliveries.poll() == 1
        told.answer = lambda _: (200, {})
        after.clock.ahead_ns += 100 * S
        rows = after.attempt(2)
    assert [(row["attempt"], row["outcome"]) for row in rows] == [(1, "failed"), (2, "delivered")]
    assert len(ids(told)) == 1


def test_a_slow_receiver_holds_up_nobody_else(make: Callable[..., Post]) -> None:
    held = [True]

    def wait(_: object) -> tuple[int, dict[str, str]]:
        while held[0]:
            time.sleep(0.01)
        return 200, {}

    with receiver() as slow, receiver() as quick:
        slow.answer = wait
        post = make({"slow": slow.url, "quick": quick.url}, webhook_timeout_s=60.0)
        for agent in ("a", "b", "c"):
            post.trip(agent)
        rows = post.attempt(3)
        assert {row["target"] for row in rows} == {"quick"}
        held[0] = False
        assert len(post.attempt(6)) == 6


def test_a_secret_that_is_missing_sends_nothing_and_says_so(make: Callable[..., Post]) -> None:
    environment: dict[str, str] = {}
    with answering(200) as told:
        post = make({"a": told.url}, environ=environment)
        post.trip()
        [row] = post.attempt(1)
        assert told.received == []
        assert row["error"] == "the environment variable SECRET (its secret) is not set"
        environment["SECRET"] = "whsec_c2hvcnQ="
        post.clock.ahead_ns += 100 * S
        assert "must hold whsec_" in post.attempt(2)[-1]["error"]
        environment["SECRET"] = SECRET
        post.clock.ahead_ns += 200 * S
        assert post.attempt(3)[-1]["outcome"] == "delivered"


def test_a_webhook_that_left_the_rules_is_told_in_the_log(make: Callable[..., Post]) -> None:
    post = make({"a": "http://127.0.0.1:1/"})
    post.trip()
    post.rules = Rules(version=1)
    [row] = post.attempt(1)
    assert row["outcome"] == "failed"
    assert "no webhook 'a' in the rules" in row["error"]


def test_a_body_that_is_too_long_leaves_evidence_out_and_says_so(make: Callable[..., Post]) -> None:
    with answering(200) as told:
        post = make({"a": told.url}, webhook_body_bytes_max=4096)
        post.trip(evidence={"path": list(range(5_000))})
        post.attempt(1)
    message = json.loads(told.received[0].body)
    assert len(told.received[0].body) <= 4096
    assert message["omitted"]["what"] == ["findings[].evidence"]
    assert message["findings"][0]["headline"]
