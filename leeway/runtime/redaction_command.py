"""`leeway redaction check`: every mistake in a redaction file, or what it would change in OTLP files."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from leeway.collector import HASH_KEY_VARIABLE, Sent, dry_run, load_rules
from leeway.model import Rejected, Signal
from leeway.runtime.otlp_file import Broken, opened, read_requests


def check_redaction(path: Path, files: tuple[str, ...], project: str) -> bool:
    """Print what is wrong with the rules, or what they would do; whether they can be used.

    Raises:
        Mistake: An OTLP file cannot be read.
        Rejected: What is in it is no OTLP.
    """
    try:
        rules = load_rules(path)
    except Rejected as e:
        errors = str(e).splitlines()
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        for error in errors:
            console.print(Text(error, "red"))
        console.print(Text(f"✗ {path}: {len(errors)} {'mistake' if len(errors) == 1 else 'mistakes'}", "bold red"))
        return False
    console = Console(highlight=False, soft_wrap=True)
    key = os.environ.get(HASH_KEY_VARIABLE, "").encode() or secrets.token_bytes(16)
    for change in dry_run(rules, key, project, _requests(files)) if files else ():
        console.print(Text("  "), Text(change.rule, "bold"), Text(f": {change.action} × {change.times}"), sep="")
        if change.where:
            after = Text("dropped", "yellow") if change.after is None else Text(change.after, "green")
            console.print(Text(f"    {change.where}: "), Text(change.before, "dim"), Text(" → "), after, sep="")
    policy = rules.policy(project)
    content = "off" if policy.content is False else "on"
    said = f"content {content}, {len(policy.rules)} rules, {len(policy.built_in or ())} built-in patterns"
    console.print(Text("✓ ", "green"), f"{path}: for project {project}: {said}", sep="")
    return True


def _requests(files: tuple[str, ...]) -> Iterator[Sent]:
    for file in files:
        with opened(file) as (stream, _):
            for request in read_requests(file, stream):
                if isinstance(request, Broken):
                    sys.stderr.write(f"{request.place}: {request.reason}\n")
                    continue
                yield Sent(request.body, Signal(request.signal), request.encoding == "json")
