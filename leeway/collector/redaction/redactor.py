"""From rules to what the intake calls: one redaction a project, or none, which costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from leeway.collector.otlp.wire import Parsed
from leeway.collector.redaction.policy import Compiled
from leeway.collector.redaction.rules import Action, Policy, Rules
from leeway.collector.redaction.scrub import Tally, hasher
from leeway.collector.redaction.walk import redact_request
from leeway.model import Rejected, Signal

HASH_KEY_VARIABLE: Final = "LEEWAY_REDACTION_HASH_KEY"
"""The environment variable with the key of `hash`. Nowhere else: a key in a file is a key in a backup."""
HASH_KEY_BYTES_MIN: Final = 16

Count = Callable[[str, Action, int], None]
"""Told a rule, what it did, and how often."""


@dataclass(frozen=True)
class Redaction:
    """A project's redaction."""

    policy: Compiled
    count: Count

    def concerns(self, body: bytes) -> bool:
        """Whether a request of these bytes may hold anything to change; the answer costs far less than a parse."""
        return self.policy.concerns(body)

    def __call__(self, request: Parsed, signal: Signal) -> bool:
        """Redact a request of the schema `EXACT` in place; whether anything changed."""
        tally = Tally()
        changed = redact_request(request, signal, self.policy, tally)
        for (rule, action), times in tally.items():
            self.count(rule, action, times)
        return changed


class Redactor:
    """Redacts requests as rules say.

    Args:
        hash_key: The secret of `hash`.
        count: Told after each request what was done.

    Raises:
        Rejected: A rule hashes, and the key is missing or too short to be one.
    """

    def __init__(self, rules: Rules, hash_key: bytes = b"", count: Count = lambda *_: None) -> None:
        policies = {name: rules.policy(name) for name in rules.projects}
        hashing = next((r.name for p in (rules.default, *policies.values()) for r in p.rules if r.action == "hash"), "")
        if hashing and len(hash_key) < HASH_KEY_BYTES_MIN:
            raise Rejected(
                f"redaction rule {hashing!r} hashes, which needs a secret of at least {HASH_KEY_BYTES_MIN} bytes in the"
                f" environment variable {HASH_KEY_VARIABLE}; it has {len(hash_key)}"
            )
        self._hashed = hasher(hash_key)
        self._count = count
        self._default = self._redact(rules.default)
        self._projects = {name: self._redact(policy) for name, policy in policies.items()}

    def for_project(self, project: str) -> Redaction | None:
        """The redaction of a project's requests; None where nothing of it is redacted."""
        return self._projects.get(project, self._default)

    def _redact(self, policy: Policy) -> Redaction | None:
        compiled = Compiled(policy, self._hashed)
        return None if compiled.is_idle else Redaction(compiled, self._count)
