"""From a rules file to `Rules`; every mistake in it with its line, its column, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from leeway.alerts.rules import Rules
from leeway.storage.policy_file import Place, Problem, Written, read, shown, validated


def load_rules(path: Path) -> Rules:
    """The rules in a file.

    Raises:
        PolicyInvalid: Every mistake in it.
        Rejected: It cannot be read.
    """
    return parse_rules(read(path, "rules file"), str(path))


def parse_rules(raw: bytes | str, name: str = "leeway-rules.yaml") -> Rules:
    """The rules in a text; `name` stands in the messages.

    Raises:
        PolicyInvalid: Every mistake in it.
    """
    return validated(raw, name, Rules, _problem, _cross_check)


def _problem(written: Written, error: Any) -> Problem:  # noqa: ANN401 - pydantic's dictionary
    """One of pydantic's errors, where it is in the file and in words that say what would be right."""
    place, kind, given = error["loc"], error["type"], error["input"]
    key = kind in ("extra_forbidden", "missing")
    owner = _owner(place[:-1]) if key else Rules
    if kind == "extra_forbidden":
        message = _unknown(str(place[-1]), _keys(owner))
    elif kind == "missing":
        message = "is missing"
    elif kind in ("value_error", "assertion_error"):
        message = f"{error['msg'].removeprefix('Value error, ')}{shown(given)}"
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        message = "must have when: traffic_left or when: healthy"
    else:
        message = error["msg"].replace("Input should be", "must be", 1) + shown(given)
    return written.problem(place, message, key=kind == "extra_forbidden")


def _unknown(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(known)}"
    return f"is not a key here; {hint}"


def _cross_check(written: Written, rules: Rules) -> Iterator[Problem]:
    """What no section can see by itself."""
    names: dict[str, int] = {}
    for i, rule in enumerate(rules.rules):
        if rule.name in names:
            said = f"{rule.name!r} is rules[{names[rule.name]}]'s name too"
            yield written.problem(("rules", i, "name"), said)
        names.setdefault(rule.name, i)
        if rule.open == "tool" and not {"tools", "*"} & set(rule.when.signal):
            yield written.problem(("rules", i, "open"), "tool needs the signal tools in when; no other names a tool")
        for j, target in enumerate(rule.notify):
            if target not in rules.webhooks:
                known = ", ".join(rules.webhooks) or "none"
                yield written.problem(("rules", i, "notify", j), f"{target!r} must be one of webhooks ({known})")


def _owner(place: Place) -> type[BaseModel]:
    """The section that stands at `place`."""
    owner: type[BaseModel] = Rules
    for part in place:
        field = next((f for name, f in owner.model_fields.items() if part in (name, f.alias)), None)
        inside = list(_sections(field.annotation)) if field else []
        if len(inside) == 1:
            owner = inside[0]
        elif inside:
            tag = place[-1]
            owner = next((c for c in inside if tag in get_args(c.model_fields["when"].annotation)), inside[0])
    return owner


def _sections(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)


def _keys(section: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in section.model_fields.items())
