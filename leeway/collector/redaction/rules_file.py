"""From a redaction file to `Rules`; every mistake in it with its line, its column, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from leeway.collector.redaction.patterns import compiled
from leeway.collector.redaction.rules import Policy, ProjectPolicy, Rule, Rules
from leeway.storage.policy_file import Place, Problem, Written, read, shown, validated


def load_rules(path: Path) -> Rules:
    """The rules in a file.

    Raises:
        PolicyInvalid: Every mistake in it.
        Rejected: It cannot be read.
    """
    return parse_rules(read(path, "redaction file"), str(path))


def parse_rules(raw: bytes | str, name: str = "redaction.yaml") -> Rules:
    """The rules in a text; `name` stands in the messages.

    Raises:
        PolicyInvalid: Every mistake in it.
    """
    return validated(raw, name, Rules, _problem, _cross_check)


def _problem(written: Written, error: Any) -> Problem:  # noqa: ANN401 - pydantic's dictionary
    """One of pydantic's errors, where it is in the file and in words that say what would be right."""
    place, kind, given = error["loc"], error["type"], error["input"]
    if kind == "extra_forbidden":
        known = tuple(_section(place[:-1]).model_fields)
        close = difflib.get_close_matches(str(place[-1]), known, 1)
        hint = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(known)}"
        message = f"is not a key here; {hint}"
    elif kind == "missing":
        message = "is missing"
    elif kind == "value_error":
        message = error["msg"].removeprefix("Value error, ") + shown(given)
    elif kind == "string_pattern_mismatch" and place[-1] == "name":
        message = f"must be 1 to 60 letters, digits, - and _{shown(given)}"
    elif kind == "string_pattern_mismatch":
        message = f"must be 1 to 100 printable characters, the first not ${shown(given)}"
    else:
        message = error["msg"].replace("Input should be", "must be", 1) + shown(given)
    return written.problem(place, message, key=kind == "extra_forbidden")


def _section(place: Place) -> type[BaseModel]:
    """The section that stands at `place`."""
    if "rules" in place:
        return Rule
    return {"default": Policy, "projects": ProjectPolicy}.get(str(place[0]), Rules) if place else Rules


def _cross_check(written: Written, rules: Rules) -> Iterator[Problem]:
    """What no section can see by itself."""
    places: list[tuple[Place, Policy]] = [(("default",), rules.default)]
    places += [(("projects", name), policy) for name, policy in rules.projects.items()]
    default = {rule.name for rule in rules.default.rules}
    for place, policy in places:
        inherited = isinstance(policy, ProjectPolicy) and policy.inherit
        seen = set(default) if inherited else set()
        for i, rule in enumerate(policy.rules):
            at = (*place, "rules", i)
            if rule.name in seen:
                yield written.problem((*at, "name"), f"{rule.name!r} is the name of another rule that holds here too")
            seen.add(rule.name)
            if rule.action == "mask" and any(compiled(v).search(rule.mask.encode()) for v in rule.values):
                yield written.problem(
                    (*at, "replacement"),
                    f"{rule.mask!r} matches the rule's own values, and would be masked again",
                )
        if policy.content_keys and _keeps(policy, rules):
            yield written.problem((*place, "content_keys"), "needs content: off, which alone makes use of it")


def _keeps(policy: Policy, rules: Rules) -> bool:
    """Whether content is stored wherever this policy speaks."""
    if not isinstance(policy, ProjectPolicy):
        return policy.content is not False and all(p.content is not False for p in rules.projects.values())
    return policy.over(rules.default).content is not False
