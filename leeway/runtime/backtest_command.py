"""`leeway backtest`: detectors and rules over what is stored, and what they would have done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from leeway import storage
from leeway.alerts import Outcome, hindsight, load_rules
from leeway.detectors import backtest
from leeway.runtime.components import DETECTORS
from leeway.runtime.composition import compose
from leeway.runtime.derivation import derived
from leeway.runtime.mistake import Mistake
from leeway.runtime.sources import Sources

END_OF_TIME_NS: Final = 2**63 - 1


def moment_ns(flag: str, text: str) -> int:
    """A date or a moment as Unix time in nanoseconds; UTC where it does not say otherwise.

    Raises:
        Mistake: It is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Mistake(
            f"{flag} is {text!r}; it must be a date or a moment such as 2026-11-01 or 2026-11-01T14:30:00Z"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def run_backtest(sources: Sources, rules_path: Path, since: str | None, until: str | None) -> None:
    """Observe again, decide again, print. No finding and no breaker is written; the same input prints the same.

    Raises:
        Mistake: A date cannot be read.
        Rejected: The rules cannot be used.
        Unavailable: ClickHouse does not answer.
    """
    from_ns = moment_ns("--from", since) if since else 0
    to_ns = moment_ns("--to", until) if until else END_OF_TIME_NS
    if from_ns > to_ns:
        raise Mistake(f"--from is {since!r} and --to is {until!r}; --from must be the earlier")
    rules = load_rules(rules_path)
    under = replace(sources, flags={**sources.flags, "rules": str(rules_path)})
    settings = compose(DETECTORS, under, derived(DETECTORS, under))
    with storage.Database(settings.clickhouse) as db:
        storage.migrate(db)
        found = backtest(db, settings, from_ns, to_ns)
    outcomes = hindsight(found, rules)
    console = Console(highlight=False, soft_wrap=True)
    for outcome in outcomes:
        _tell(console, outcome)
    opened = sum(outcome.opens for outcome in outcomes)
    sent = sum(len(outcome.notify) for outcome in outcomes)
    console.print(Text(f"{len(found)} findings, {opened} breakers opened, {sent} webhooks; rules {rules.hash}", "bold"))


def _tell(console: Console, outcome: Outcome) -> None:
    finding = outcome.finding
    at = datetime.fromtimestamp(finding.found_at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    console.print(Text(f"{at}  ", "dim"), Text(str(finding.stream), "bold"), Text(f"  {finding.headline}"), sep="")
    notify = f"; tells {', '.join(outcome.notify)}" if outcome.notify else ""
    who = f"{outcome.subject}: " if outcome.subject else ""
    rule = f" (rule {outcome.rule})" if outcome.rule else ""
    reason = outcome.reason.split(":", 1)[0] if outcome.subject else outcome.reason
    style = "red" if outcome.opens else "dim"
    console.print(Text(f"    {'⚡' if outcome.opens else '·'} {who}{reason}{rule}{notify}", style))
