"""`leeway rules check`: every mistake in a rules file, each with its line."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from leeway.alerts import Rules, load_rules
from leeway.model import Rejected


def rule_errors(path: Path) -> list[str]:
    """One line for each mistake, `file:line:column: what`; empty when the file is good."""
    try:
        load_rules(path)
    except Rejected as e:
        return str(e).splitlines()
    return []


def check_rules(path: Path) -> bool:
    """Print what is wrong, or what the rules say; whether they can be used."""
    errors = rule_errors(path)
    if errors:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        for error in errors:
            console.print(Text(error, "red"))
        console.print(Text(f"✗ {path}: {len(errors)} {'mistake' if len(errors) == 1 else 'mistakes'}", "bold red"))
        return False
    console = Console(highlight=False, soft_wrap=True)
    rules = load_rules(path)
    for rule in rules.rules:
        console.print(Text("  "), Text(rule.name, "bold"), Text(f": {_sentence(rules, rule.name)}"), sep="")
    console.print(Text("✓ ", "green"), f"{path}: {len(rules.rules)} rules, version {rules.hash}", sep="")
    return True


def _sentence(rules: Rules, name: str) -> str:
    rule = next(r for r in rules.rules if r.name == name)
    signals = ", ".join(rule.when.signal)
    notify = f", tells {', '.join(rule.notify)}" if rule.notify else ""
    return f"{signals} of {', '.join(rule.when.service)} opens the {rule.open}'s breaker{notify}"
