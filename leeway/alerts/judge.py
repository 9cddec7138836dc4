"""Which rules a finding concerns, and whose breaker they would open. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from leeway.alerts.rules import Rule, Rules, effect_size, matches
from leeway.alerts.subject import Subject
from leeway.model import Finding

NOT_A_TOOL: Final = frozenset({"(none)", "(other)", ""})
"""Names that stand for runs without a tool and for the rare rest."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules make of a finding: a breaker to open, or why none.

    Attributes:
        rules: Those that want this breaker opened, in the order of the file; the first names the transition. Empty
            where no rule speaks of the finding.
        subject: None where nothing is to be opened.
        decision: Stable word for `decisions`, where `subject` is None.
    """

    rules: tuple[Rule, ...]
    subject: Subject | None
    decision: str = ""
    reason: str = ""

    @property
    def notify(self) -> tuple[str, ...]:
        """Whom the rules want told, each once."""
        return tuple(dict.fromkeys(target for rule in self.rules for target in rule.notify))


def judge(finding: Finding, rules: Rules) -> tuple[Judgement, ...]:
    """One judgement a breaker and one for each rule that will not open any; never empty."""
    refused: list[Judgement] = []
    opening: dict[Subject, list[Rule]] = {}
    for rule in rules.rules:
        if not _concerns(rule, finding):
            continue
        verdict = _open(rule, finding)
        if isinstance(verdict, Subject):
            opening.setdefault(verdict, []).append(rule)
        else:
            refused.append(verdict)
    judgements = [Judgement(tuple(wanting), subject) for subject, wanting in opening.items()] + refused
    return tuple(judgements) or (Judgement((), None, "no match", "no rule is about it"),)


def moved_tool(finding: Finding) -> str:
    """The tool whose share of the calls grew most or, where none grew, shrank most; '' where there is none."""
    if finding.stream.signal != "tools":
        return ""
    before, now = _shares(finding.baseline), _shares(finding.current)
    moves = {name: now.get(name, 0.0) - before.get(name, 0.0) for name in sorted({*before, *now} - NOT_A_TOOL)}
    grown = {name: by for name, by in moves.items() if by > 0}
    return max(grown or moves, key=lambda name: abs(moves[name]), default="")


def _concerns(rule: Rule, finding: Finding) -> bool:
    when, stream = rule.when, finding.stream
    return (
        ("*" in when.signal or stream.signal in when.signal)
        and when.direction in ("*", finding.direction)
        and matches(when.project, stream.project)
        and matches(when.service, stream.service)
        and matches(when.agent, stream.agent)
        and matches(when.version, stream.version)
        and ("*" in when.tool or matches(when.tool, moved_tool(finding)))
    )


def _open(rule: Rule, finding: Finding) -> Subject | Judgement:
    size = effect_size(finding.effect, finding.effect_unit)
    if (
        not size >= rule.when.min_effect
    ):  # NaN compares false with everything: an effect that is no number opens nothing
        return Judgement((rule,), None, "below min_effect", f"below min_effect: {size:.3g} of {rule.when.min_effect:g}")
    stream = finding.stream
    if rule.open == "agent":
        return Subject(stream.project, stream.service, stream.agent)
    if rule.open == "version":
        if not stream.version:
            return Judgement((rule,), None, "no subject", "no subject: these runs name no version")
        return Subject(stream.project, stream.service, stream.agent, version=stream.version)
    tool = moved_tool(finding)
    if not tool:
        return Judgement((rule,), None, "no subject", "no subject: the finding names no tool")
    return Subject(stream.project, stream.service, stream.agent, tool=tool)


def _shares(summary: Mapping[str, object]) -> dict[str, float]:
    shares = summary.get("shares")
    return {str(k): float(v) for k, v in shares.items()} if isinstance(shares, Mapping) else {}
