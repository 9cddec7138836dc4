"""The story, step by step. A step has happened when the tables or the receiver say so, never because time passed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx

from examples.demo.inbox import Inbox
from examples.demo.screen import Screen
from examples.demo.stage import Stage
from examples.demo.tables import Delivery, FindingRow, Tables, Transition
from examples.demo.timeline import Mark, Timeline
from examples.demo.told import evidence
from examples.demo.verdicts import verdicts
from examples.fleet import AGENTS, SERVICE, V1, V2, Rollout, Traffic
from examples.rollback_receiver import Message
from leeway.model import Unavailable

T = TypeVar("T")
POLL_S: Final = 0.15
ROLLOUT_SHARE: Final = 0.75
RUNS_AFTER_ROLLBACK: Final = 60
"""Runs of the good version, after the roll-back, that must be stored before traffic counts as returned."""


class StepFailed(Exception):
    """A step did not happen; the message says which, and what was seen instead."""


@dataclass
class Story:
    """All that plays in it. `tell` raises `StepFailed` at the first step that does not happen."""

    screen: Screen
    stage: Stage
    tables: Tables
    traffic: Traffic
    rollout: Rollout
    inbox: Inbox
    baseline_runs: int

    def tell(self) -> Timeline:
        self.first_run()
        self.baseline()
        self.bad_rollout()
        self.finding()
        self.breaker_opens()
        message, opened = self.webhook()
        timeline = self.timeline(opened, message)
        self.traffic_returns()
        self.breaker_closes()
        self.account()
        self.what_was_found()
        self.screen.done("the story is complete; each step was checked against the tables or the receiver")
        return timeline

    # -- steps ------------------------------------------------------------------------------------------------------

    def first_run(self) -> None:
        self.screen.begin(
            f"{V1.version} serves: {len(AGENTS)} agents hand work to each other, through OpenTelemetry's SDK"
        )
        sent = self.until("a first run", 30, lambda: self.traffic.first.get(V1.version))
        run = self.until("the first run's row in `runs`", 60, lambda: self.tables.run(sent.trace_id))
        if (run.complete, run.spans, run.path_ns, run.ended_ns) != (True, sent.spans, run.duration_ns, sent.ended_ns):
            raise StepFailed(f"the first run was sent as {sent} and stored as {run}")
        self.screen.done(
            f"first run stored: {run.spans} spans, {run.duration_ns / 1e9:.1f} s, "
            f"of which every nanosecond lies on its critical path ({run.path_steps} steps)"
        )

    def baseline(self) -> None:
        self.screen.begin(f"detectors learn what {V1.version} is like: {self.baseline_runs} runs make a baseline")

        watched = len(AGENTS) + 1  # and the run as a whole

        def learned() -> dict[str, int] | None:
            runs = self.tables.runs_by_agent(V1.version)
            # The agent that is asked least often is the last to be known.
            self.screen.tick(progress=(min(runs.values()) if len(runs) == watched else 0, self.baseline_runs))
            said = verdicts(self.stage.detectors_metrics_url)
            return runs if said.get("watching", 0) >= watched and not said.get("learning") else None

        runs = self.until("baselines of every agent", 300, learned)
        self.no_false_alarm()
        self.screen.done(f"baseline known, from {runs['']} runs; nothing was reported, as nothing has changed")

    def bad_rollout(self) -> None:
        self.screen.begin(f"{V2.version} is rolled out to {ROLLOUT_SHARE:.0%} of the travellers")
        self.rollout.shift({V1.version: 1 - ROLLOUT_SHARE, V2.version: ROLLOUT_SHARE}, "rollout")
        self.screen.detail(
            f"{V2.version} prefers a stale fare cache to a search, answers shorter, is slower and dearer.\n"
            "It raises no exception and returns no error code."
        )
        sent = self.until("a first run of the bad version", 30, lambda: self.traffic.first.get(V2.version))
        self.screen.done(f"first bad run ended: {sent.trace_id}")

    def finding(self) -> None:
        self.screen.begin("detectors compare")

        def found() -> FindingRow | None:
            return next((f for f in self.tables.findings() if f.version == V2.version), None)

        finding = self.until(f"a finding about {V2.version}", 120, found)
        self.screen.done(f"drift found: {finding.headline}")
        self.screen.detail(evidence(finding))

    def breaker_opens(self) -> None:
        self.screen.begin("alerts decide")

        def opened() -> Transition | None:
            return next(
                (t for t in self.tables.transitions() if t.to_state == "open" and t.version == V2.version), None
            )

        transition = self.until(f"an open breaker of {V2.version}", 60, opened)
        known = {finding.id for finding in self.tables.findings()}
        if not set(transition.finding_ids) or not set(transition.finding_ids) <= known:
            raise StepFailed(f"the breaker opened for findings {transition.finding_ids}; there are {sorted(known)}")
        self.control_api_says(transition, "open")
        self.screen.done(f"breaker open: {transition.subject}, by rule {transition.rule}")
        self.screen.detail(transition.reason)

    def webhook(self) -> tuple[Message, Transition]:
        """The message that rolled back, and what it told: not always the first breaker, where several open at once."""
        self.screen.begin("the signed webhook goes to the rollback receiver")
        message = self.until("a verified webhook that asks for the roll-back", 60, self.inbox.rollback)
        told = message.body["transition"]
        opened = next((t for t in self.tables.transitions() if t.transition_id == told), None)
        if opened is None or (opened.to_state, opened.version) != ("open", message.bad_version):
            raise StepFailed(f"the webhook told of {message.body}, the tables say {opened}")

        def delivered() -> Delivery | None:
            attempts = (d for d in self.tables.deliveries() if d.delivery_id == message.id)
            return next((d for d in attempts if d.outcome == "delivered"), None)

        delivery = self.until("the delivery's row", 30, delivered)
        if (delivery.transition_id, delivery.status_code) != (told, 204):
            raise StepFailed(f"the delivery was logged as {delivery}")
        self.screen.done(f"webhook {message.id} verified and answered with {delivery.status_code}")
        return message, opened

    def timeline(self, opened: Transition, message: Message) -> Timeline:
        """Where the seconds went, from the tables' own times."""
        first = self.traffic.first[V2.version]
        run = self.until("the first bad run's row", 30, lambda: self.tables.run(first.trace_id))
        stored_ns = self.until("the first bad run's batch", 30, lambda: self.tables.stored_ns(first.trace_id))
        finding = max((f for f in self.tables.findings() if f.id in opened.finding_ids), key=lambda f: f.found_ns)
        weighed = self.tables.weighed_runs(finding)
        timeline = Timeline(
            (
                Mark("the first bad run ends; its spans leave the agents", first.ended_ns),
                Mark("they are durable in ClickHouse", stored_ns),
                Mark("the run is assembled, its critical path known", run.assembled_ns),
                Mark(f"{weighed.runs} bad runs have ended, enough to be sure", weighed.ended_ns),
                Mark("the last of them is assembled, and looked at", weighed.assembled_ns),
                Mark("the finding is decided upon: the breaker opens", opened.at_ns),
                Mark("the webhook is at the receiver", message.received_ns),
            )
        )
        self.screen.title(timeline.verdict())
        self.screen.detail("\n".join(timeline.lines()), style="")
        self.screen.plain()
        return timeline

    def traffic_returns(self) -> None:
        self.screen.begin(f"the receiver rolls back to {V1.version}")
        if dict(self.rollout.weights) != {V1.version: 1.0}:
            raise StepFailed(f"after the webhook the traffic is split {dict(self.rollout.weights)}")
        before = self.traffic.runs[V1.version]

        def returned() -> dict[str, int] | None:
            stored = self.tables.runs_by_version()
            back = stored.get(V1.version, 0) >= before + RUNS_AFTER_ROLLBACK
            return stored if back and stored.get(V2.version) == self.traffic.runs[V2.version] else None

        stored = self.until("the good version's runs after the roll-back", 60, returned)
        self.screen.done(f"all traffic is on {V1.version} again; {V2.version} served {stored[V2.version]} runs in all")

    def breaker_closes(self) -> None:
        self.screen.begin(f"breakers of {V2.version} close once its traffic has left")

        def closed() -> list[Transition] | None:
            last = {t.id: t for t in self.tables.transitions()}
            return list(last.values()) if all(t.to_state == "closed" for t in last.values()) else None

        for transition in self.until("every breaker closed", 90, closed):
            self.control_api_says(transition, "closed")
            self.screen.done(f"breaker closed: {transition.subject} ({transition.reason})")

    def account(self) -> None:
        """Nothing lost, nothing twice, every path adds up; counted while the travellers wait."""
        self.screen.begin("count everything")
        with self.traffic.paused():
            sent_spans, sent_runs = self.traffic.spans, self.traffic.runs.total()

            def complete() -> object:
                account = self.tables.account()
                arrived = account.distinct_spans >= sent_spans and account.runs >= sent_runs
                return account if arrived and account.spans_in_runs >= sent_spans else None

            self.until(f"{sent_spans} spans in {sent_runs} complete runs", 60, complete)
            account = self.tables.account()
        seen = (account.spans, account.distinct_spans, account.spans_in_runs, account.runs, account.runs_off_their_path)
        if seen != (sent_spans, sent_spans, sent_spans, sent_runs, 0):
            raise StepFailed(f"{sent_spans} spans in {sent_runs} runs were sent; the tables hold {account}")
        self.no_false_alarm()
        self.screen.done(
            f"{sent_runs:,} runs and {sent_spans:,} spans sent, as many stored, none twice; "
            f"every critical path adds up; no false alarm about {V1.version}"
        )

    def what_was_found(self) -> None:
        """All of it; the first was enough to act."""
        findings = self.tables.findings()
        signals = ", ".join(dict.fromkeys(f.signal for f in findings))
        self.screen.done(f"{len(findings)} drifts of {V2.version} were found in all: {signals}")
        self.screen.detail("\n".join(f.headline for f in findings))

    # -- how steps wait ---------------------------------------------------------------------------------------------

    def control_api_says(self, transition: Transition, state: str) -> None:
        """What a gate or a person would be told of this breaker."""

        def said() -> bool | None:
            try:
                answer = httpx.get(f"{self.stage.api_url}/v1/breakers/{transition.id}", timeout=5.0).raise_for_status()
            except httpx.HTTPError:
                return None
            return True if answer.json()["state"] == state else None

        self.until(f"the control API to say that {transition.subject} is {state}", 30, said)

    def no_false_alarm(self) -> None:
        false_alarms = [f.headline for f in self.tables.findings() if f.version != V2.version]
        if false_alarms:
            raise StepFailed(f"a finding about {V1.version}, which has not changed: {false_alarms[0]}")

    def until(self, what: str, deadline_s: float, probe: Callable[[], T | None]) -> T:
        """What `probe` returns once it is not None.

        Raises:
            StepFailed: `deadline_s` have passed, or the traffic has broken down.
            StageFailure: `leeway up` has ended.
        """
        deadline = time.monotonic() + deadline_s
        trouble = ""
        while True:
            self.stage.check()
            if self.traffic.failure is not None:
                raise StepFailed(f"the fleet broke down: {self.traffic.failure!r}") from self.traffic.failure
            try:
                value = probe()
            except Unavailable as e:
                value, trouble = None, f" ({e})"
            if value is not None:
                return value
            if time.monotonic() > deadline:
                raise StepFailed(f"waited {deadline_s:.0f} s for {what} of {SERVICE}{trouble}")
            self.screen.tick()
            time.sleep(POLL_S)
