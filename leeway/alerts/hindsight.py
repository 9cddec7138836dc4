"""What rules would have made of findings: the same judgement and the same state machine as live, without a database.

Time is the findings' own. A breaker that opens stays open until its cooldown admits a probe; whether its traffic would
have left, or a person would have closed it, is not known in hindsight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from leeway.alerts.breaker import NEW, Breaker, CooldownOver, FindingMatched, decide
from leeway.alerts.judge import Judgement, judge
from leeway.alerts.rules import Rules
from leeway.model import Finding

NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finding would have come to, for one breaker or for none.

    Attributes:
        rule: The first rule that concerns it; empty where none does.
        subject: Whose breaker, as text; empty where none.
        opens: Whether the breaker would have opened by it.
        reason: For a person.
        notify: The webhooks that would have been sent.
    """

    finding: Finding
    rule: str
    subject: str
    opens: bool
    reason: str
    notify: tuple[str, ...]


def hindsight(findings: Iterable[Finding], rules: Rules) -> list[Outcome]:
    """The outcomes of findings in the order in which they were found; the same every time."""
    breakers: dict[str, Breaker] = {}
    outcomes: list[Outcome] = []
    for finding in sorted(findings, key=lambda f: (f.found_at_ns, f.id)):
        outcomes += [_outcome(finding, judgement, breakers) for judgement in judge(finding, rules)]
    return outcomes


def _outcome(finding: Finding, judgement: Judgement, breakers: dict[str, Breaker]) -> Outcome:
    rule = judgement.rules[0] if judgement.rules else None
    if rule is None or judgement.subject is None:
        return Outcome(finding, rule.name if rule else "", "", opens=False, reason=judgement.reason, notify=())
    subject = str(judgement.subject)
    breaker = decide(breakers.get(subject, NEW), CooldownOver(finding.found_at_ns)).breaker
    decision = decide(
        breaker,
        FindingMatched(
            finding.found_at_ns,
            (finding.id,),
            frozenset({finding.stream.signal}),
            finding.headline,
            int(rule.cooldown * NS_PER_S),
        ),
    )
    breakers[subject] = decision.breaker
    opens = decision.changed and decision.breaker.state == "open"
    return Outcome(
        finding, rule.name, subject, opens=opens, reason=decision.reason, notify=judgement.notify if opens else ()
    )
