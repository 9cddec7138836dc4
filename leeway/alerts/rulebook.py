"""The rules that hold now, followed as their file changes. A broken file never takes working rules away."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from leeway.alerts.rules import NO_RULES, SIGNED, Rules
from leeway.alerts.rules_file import load_rules
from leeway.alerts.webhook import signer
from leeway.model import Rejected

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What reading the file came to.

    Attributes:
        rules: Those that hold.
        broken: What is wrong with the file as it stands; '' where nothing is.
        missing: There is no file.
    """

    rules: Rules
    broken: str = ""
    missing: bool = False


class Rulebook:
    """Follows one file. One thread calls `refresh`; anyone may read `now`.

    Raises:
        Rejected: At the start, where the file is broken: there are no older rules to keep.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._seen = stamp(path)
        self.now = self._read(None)

    def refresh(self) -> bool:
        """Read the file where it has changed and then rested from one call to the next.

        Half a file, which an editor is still writing, may well be valid, and short of rules.

        Returns:
            Whether other rules hold now.
        """
        found = stamp(self._path)
        settled, self._seen = found == self._seen, found
        if found == self._stamp or not settled:
            return False
        before, self._stamp = self.now, found
        self.now = self._read(before.rules)
        if self.now.broken:
            log.error("rules.broken", path=str(self._path), kept=before.rules.hash, reason=self.now.broken)
        return self.now.rules.hash != before.rules.hash

    def _read(self, kept: Rules | None) -> Loaded:
        if self._stamp is None:
            if kept is None or kept == NO_RULES:
                log.warning(
                    "rules.missing", path=str(self._path), remedy="write one, it is read as soon as it is there"
                )
                return Loaded(NO_RULES, missing=True)
            return Loaded(kept, f"the rules file {self._path} is gone", missing=True)
        try:
            rules = load_rules(self._path)
        except Rejected as e:
            if kept is None:
                raise
            return Loaded(kept, str(e))
        log.info("rules.loaded", path=str(self._path), rules=len(rules.rules), rule_version=rules.hash)
        for problem in secret_problems(rules, os.environ):
            log.error("webhook.unusable", reason=problem)
        return Loaded(rules)


def secret_problems(rules: Rules, environment: Mapping[str, str]) -> list[str]:
    """What the environment still lacks for the webhooks to be sent."""
    problems = []
    for name, hook in rules.webhooks.items():
        if hook.url_env and not environment.get(hook.url_env):
            problems.append(f"webhook {name}: the environment variable {hook.url_env} (its address) is not set")
        if hook.preset in SIGNED and hook.secret_env:
            try:
                signer(environment.get(hook.secret_env, ""), hook.secret_env)
            except Rejected as e:
                problems.append(f"webhook {name}: {e}")
    return problems


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What a file looks like from outside; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
