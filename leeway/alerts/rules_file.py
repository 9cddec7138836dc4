"""From a rules file to `Rules`; every mistake in it with its line, its column, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from leeway.alerts.rules import Rules
from leeway.model import Rejected

FILE_BYTES_MAX: Final = 1_000_000
NODES_MAX: Final = 100_000
"""Values in a file once its aliases are written out; a few lines of aliases of aliases can stand for billions."""
Place = tuple[int | str, ...]


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake; line and column count from 1."""

    line: int
    column: int
    where: str
    message: str


class RulesInvalid(Rejected):
    """A rules file that cannot be used.

    Attributes:
        problems: In the order of the file.
    """

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{name}:{p.line}:{p.column}: {p.where}{p.message}" for p in problems))


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
        raise Rejected(f"cannot read the rules file {path}: {e.strerror}") from e
    if len(raw) > FILE_BYTES_MAX:
        raise Rejected(f"the rules file {path} is larger than {FILE_BYTES_MAX} bytes")
    return parse_rules(raw, str(path))


def parse_rules(raw: bytes | str, name: str = "leeway-rules.yaml") -> Rules:
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
        return YAML(typ="rt", pure=True).load(raw.decode("utf-8") if isinstance(raw, bytes) else raw)
    except UnicodeDecodeError as e:
        line = raw[: e.start].count(b"\n") + 1 if isinstance(raw, bytes) else 1
        raise RulesInvalid(name, (Problem(line, 1, "", "must be UTF-8 text"),)) from None
    except MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        said = (e.problem or e.context or "is not YAML").strip().split("\n", 1)[0]
        raise RulesInvalid(
            name,
            (Problem(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, "", f"is not valid YAML: {said}"),),
        ) from None
    except (YAMLError, RecursionError, ValueError) as e:
        raise RulesInvalid(
            name, (Problem(1, 1, "", f"is not valid YAML: {str(e).strip() or type(e).__name__}"),)
        ) from None


def _plain(node: Any, budget: list[int]) -> Any:  # noqa: ANN401 - whatever YAML holds
    budget[0] -= 1
    if budget[0] < 0:
        return None
    if isinstance(node, CommentedMap):
        return {key if isinstance(key, str) else str(key): _plain(value, budget) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value, budget) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _problem(tree: CommentedMap, error: Any) -> Problem:  # noqa: ANN401 - pydantic's dictionary
    """One of pydantic's errors, where it is in the file and in words that say what would be right."""
    place, kind, given = error["loc"], error["type"], error["input"]
    key = kind in ("extra_forbidden", "missing")
    line, column = _position(tree, place, key=kind == "extra_forbidden")
    owner = _owner(place[:-1]) if key else Rules
    if kind == "extra_forbidden":
        message = _unknown(str(place[-1]), _keys(owner))
    elif kind == "missing":
        message = "is missing"
    elif kind in ("value_error", "assertion_error"):
        message = f"{error['msg'].removeprefix('Value error, ')}{_shown(given)}"
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        message = "must have when: traffic_left or when: healthy"
    else:
        message = error["msg"].replace("Input should be", "must be", 1) + _shown(given)
    return Problem(line, column, f"{_spelt(tree, place)}: ", message)


def _unknown(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(known)}"
    return f"is not a key here; {hint}"


def _shown(given: object) -> str:
    return f", not {given!r}" if isinstance(given, (str, int, float, bool)) or given is None else ""


def _cross_check(tree: CommentedMap, rules: Rules) -> Iterator[Problem]:
    """What no section can see by itself."""
    names: dict[str, int] = {}
    for i, rule in enumerate(rules.rules):
        if rule.name in names:
            yield Problem(
                *_position(tree, ("rules", i, "name")),
                f"rules[{i}].name: ",
                f"{rule.name!r} is rules[{names[rule.name]}]'s name too",
            )
        names.setdefault(rule.name, i)
        if rule.open == "tool" and not {"tools", "*"} & set(rule.when.signal):
            place = _position(tree, ("rules", i, "open"))
            yield Problem(*place, f"rules[{i}].open: ", "tool needs the signal tools in when; no other names a tool")
        for j, target in enumerate(rule.notify):
            if target not in rules.webhooks:
                known = ", ".join(rules.webhooks) or "none"
                yield Problem(
                    *_position(tree, ("rules", i, "notify", j)),
                    f"rules[{i}].notify[{j}]: ",
                    f"{target!r} must be one of webhooks ({known})",
                )


def _position(tree: CommentedMap, place: Place, *, key: bool = False) -> tuple[int, int]:
    """Line and column of what `place` names, or of the deepest part of it that the file has.

    Args:
        key: Of the last part's key instead of its value.
    """
    node: Any = tree
    line, column = 0, 0
    for i, part in enumerate(place):
        if isinstance(node, CommentedMap) and part in node:
            last = key and i == len(place) - 1
            line, column = node.lc.key(part) if last else node.lc.value(part)
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line, column = node.lc.item(part)
        else:
            continue  # a missing key, or pydantic's name for a branch of a union
        node = node[part]
    return line + 1, column + 1


def _spelt(tree: CommentedMap, place: Place) -> str:
    """`rules[0].when.signal`, without pydantic's names for branches of a union."""
    node: Any = tree
    text = ""
    for i, part in enumerate(place):
        if (isinstance(node, CommentedMap) and part in node) or (
            isinstance(node, CommentedSeq) and isinstance(part, int)
        ):
            node = node[part]
        elif i < len(place) - 1 or isinstance(part, int):
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


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
