"""From a redaction file to `Rules`; every mistake in it with its line, its column, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from leeway.collector.redaction.patterns import compiled
from leeway.collector.redaction.rules import Policy, ProjectPolicy, Rule, Rules
from leeway.model import Rejected

FILE_BYTES_MAX: Final = 1_000_000
NODES_MAX: Final = 100_000
"""Values in a file once its aliases are written out."""
Place = tuple[int | str, ...]


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake; line and column count from 1."""

    line: int
    column: int
    where: str
    message: str


class RulesInvalid(Rejected):
    """A redaction file that cannot be used.

    Attributes:
        problems: In the order of the file.
    """

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(
            "\n".join(f"{name}:{p.line}:{p.column}: {p.where + ': ' if p.where else ''}{p.message}" for p in problems)
        )


def load_rules(path: Path) -> Rules:
    """The rules in a file.

    Raises:
        RulesInvalid: Every mistake in it.
        Rejected: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as e:
        raise Rejected(f"cannot read the redaction file {path}: {e.strerror}") from e
    if len(raw) > FILE_BYTES_MAX:
        raise Rejected(f"the redaction file {path} is larger than {FILE_BYTES_MAX} bytes")
    return parse_rules(raw, str(path))


def parse_rules(raw: bytes | str, name: str = "redaction.yaml") -> Rules:
    """The rules in a text; `name` stands in the messages.

    Raises:
        RulesInvalid: Every mistake in it.
    """
    tree = _read(raw, name)
    if not isinstance(tree, CommentedMap):
        raise RulesInvalid(name, (Problem(1, 1, "", "must be a mapping that begins with version: 1"),))
    budget = [NODES_MAX]
    plain = _plain(tree, budget)
    if budget[0] < 0:
        raise RulesInvalid(name, (Problem(1, 1, "", f"stands for more than {NODES_MAX} values"),))
    try:
        rules = Rules.model_validate(plain)
    except ValidationError as e:
        raise RulesInvalid(name, tuple(sorted({_problem(tree, error) for error in e.errors()}))) from None
    problems = tuple(sorted(_cross_check(tree, rules)))
    if problems:
        raise RulesInvalid(name, problems)
    return rules


def _read(raw: bytes | str, name: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    try:
        return YAML(typ="rt", pure=True).load(raw.decode() if isinstance(raw, bytes) else raw)
    except UnicodeDecodeError as e:
        line = raw[: e.start].count(b"\n") + 1 if isinstance(raw, bytes) else 1
        raise RulesInvalid(name, (Problem(line, 1, "", "must be UTF-8 text"),)) from None
    except MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = (e.problem or e.context or "it cannot be read").strip().split("\n", 1)[0]
        raise RulesInvalid(name, (Problem(line, column, "", f"is not valid YAML: {said}"),)) from None
    except (YAMLError, RecursionError, ValueError) as e:
        said = str(e).strip() or type(e).__name__
        raise RulesInvalid(name, (Problem(1, 1, "", f"is not valid YAML: {said}"),)) from None


def _plain(node: Any, budget: list[int]) -> Any:  # noqa: ANN401 - whatever YAML holds
    budget[0] -= 1
    if budget[0] < 0:
        return None
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value, budget) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value, budget) for value in node]
    return next((kind(node) for kind in (bool, int, float, str) if isinstance(node, kind)), node)


def _problem(tree: CommentedMap, error: Any) -> Problem:  # noqa: ANN401 - pydantic's dictionary
    """One of pydantic's errors, where it is in the file and in words that say what would be right."""
    place, kind, given = error["loc"], error["type"], error["input"]
    line, column = _position(tree, place, key=kind == "extra_forbidden")
    if kind == "extra_forbidden":
        known = tuple(_section(place[:-1]).model_fields)
        close = difflib.get_close_matches(str(place[-1]), known, 1)
        hint = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(known)}"
        message = f"is not a key here; {hint}"
    elif kind == "missing":
        message = "is missing"
    elif kind == "value_error":
        message = error["msg"].removeprefix("Value error, ") + _shown(given)
    elif kind == "string_pattern_mismatch" and place[-1] == "name":
        message = f"must be 1 to 60 letters, digits, - and _{_shown(given)}"
    elif kind == "string_pattern_mismatch":
        message = f"must be 1 to 100 printable characters, the first not ${_shown(given)}"
    else:
        message = error["msg"].replace("Input should be", "must be", 1) + _shown(given)
    return Problem(line, column, _spelt(place), message)


def _shown(given: object) -> str:
    return f", not {given!r}" if isinstance(given, (str, int, float, bool)) or given is None else ""


def _section(place: Place) -> type[BaseModel]:
    """The section that stands at `place`."""
    if "rules" in place:
        return Rule
    return {"default": Policy, "projects": ProjectPolicy}.get(str(place[0]), Rules) if place else Rules


def _cross_check(tree: CommentedMap, rules: Rules) -> Iterator[Problem]:
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
                yield _at(tree, (*at, "name"), f"{rule.name!r} is the name of another rule that holds here too")
            seen.add(rule.name)
            if rule.action == "mask" and any(compiled(v).search(rule.mask.encode()) for v in rule.values):
                yield _at(
                    tree,
                    (*at, "replacement"),
                    f"{rule.mask!r} matches the rule's own values, and would be masked again",
                )
        if policy.content_keys and _keeps(policy, rules):
            yield _at(tree, (*place, "content_keys"), "needs content: off, which alone makes use of it")


def _keeps(policy: Policy, rules: Rules) -> bool:
    """Whether content is stored wherever this policy speaks."""
    if not isinstance(policy, ProjectPolicy):
        return policy.content is not False and all(p.content is not False for p in rules.projects.values())
    return policy.over(rules.default).content is not False


def _at(tree: CommentedMap, place: Place, message: str) -> Problem:
    return Problem(*_position(tree, place), _spelt(place), message)


def _position(tree: CommentedMap, place: Place, *, key: bool = False) -> tuple[int, int]:
    """Line and column of what `place` names, or of the deepest part of it that the file has.

    Args:
        key: Of the last part's key instead of its value.
    """
    node: Any = tree
    line, column = 0, 0
    for i, part in enumerate(place):
        if isinstance(node, CommentedMap) and part in node:
            line, column = node.lc.key(part) if key and i == len(place) - 1 else node.lc.value(part)
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line, column = node.lc.item(part)
        else:
            break
        node = node[part]
    return line + 1, column + 1


def _spelt(place: Place) -> str:
    """`default.rules[0].values[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
