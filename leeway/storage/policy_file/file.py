"""A YAML file as values, and where in it each of them stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from leeway.model import Rejected

FILE_BYTES_MAX: Final = 1_000_000
NODES_MAX: Final = 100_000
"""Values in a file once its aliases are written out; a few lines of aliases of aliases can stand for billions."""
M = TypeVar("M", bound=BaseModel)
Place = tuple[int | str, ...]
"""The way from the file's top to a value: keys and indices."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake; line and column count from 1.

    Attributes:
        where: `rules[0].when.signal`; empty where it is the file as a whole.
    """

    line: int
    column: int
    where: str
    message: str


class PolicyInvalid(Rejected):
    """A file that cannot be used.

    Attributes:
        problems: In the order of the file.
    """

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        lines = (f"{name}:{p.line}:{p.column}: {p.where}{': ' if p.where else ''}{p.message}" for p in self.problems)
        super().__init__("\n".join(lines))


class Written:
    """A file that is a mapping.

    Attributes:
        values: Plain dictionaries, lists and scalars; keys are text.
    """

    def __init__(self, tree: CommentedMap, values: dict[str, Any]) -> None:
        self._tree = tree
        self.values = values

    def problem(self, place: Place, message: str, *, key: bool = False) -> Problem:
        """A mistake in what `place` names, or in the deepest part of it that the file has.

        Args:
            key: It is the last part's key that is wrong, not its value.
        """
        return Problem(*self._position(place, key=key), self._spelt(place), message)

    def _position(self, place: Place, *, key: bool) -> tuple[int, int]:
        node: Any = self._tree
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

    def _spelt(self, place: Place) -> str:
        """`rules[0].when.signal`, without pydantic's names for branches of a union."""
        node: Any = self._tree
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


def read(path: Path, what: str) -> bytes:
    """A file's bytes; `what` it is, such as `rules file`, stands in the messages.

    Raises:
        Rejected: It cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as e:
        raise Rejected(f"cannot read the {what} {path}: {e.strerror}") from e
    if len(raw) > FILE_BYTES_MAX:
        raise Rejected(f"the {what} {path} is larger than {FILE_BYTES_MAX} bytes")
    return raw


def parse(raw: bytes | str, name: str) -> Written:
    """What a text says; `name` stands in the messages.

    Raises:
        PolicyInvalid: It is no YAML, no mapping, or too much.
    """
    tree = _tree(raw, name)
    if not isinstance(tree, CommentedMap):
        raise PolicyInvalid(name, [Problem(1, 1, "", "must be a mapping that begins with version: 1")])
    budget = [NODES_MAX]
    values = _plain(tree, budget)
    if budget[0] < 0:
        raise PolicyInvalid(name, [Problem(1, 1, "", f"stands for more than {NODES_MAX} values")])
    return Written(tree, values)


def shown(given: object) -> str:
    """What was given, for the end of a message, where it is short enough to be told."""
    return f", not {given!r}" if isinstance(given, (str, int, float, bool)) or given is None else ""


def _tree(raw: bytes | str, name: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    try:
        return YAML(typ="rt", pure=True).load(raw.decode() if isinstance(raw, bytes) else raw)
    except UnicodeDecodeError as e:
        line = raw[: e.start].count(b"\n") + 1 if isinstance(raw, bytes) else 1
        raise PolicyInvalid(name, [Problem(line, 1, "", "must be UTF-8 text")]) from None
    except MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = (e.problem or e.context or "it cannot be read").strip().split("\n", 1)[0]
        raise PolicyInvalid(name, [Problem(line, column, "", f"is not valid YAML: {said}")]) from None
    except (YAMLError, RecursionError, ValueError) as e:
        said = str(e).strip() or type(e).__name__
        raise PolicyInvalid(name, [Problem(1, 1, "", f"is not valid YAML: {said}")]) from None


def _plain(node: Any, budget: list[int]) -> Any:  # noqa: ANN401 - whatever YAML holds
    budget[0] -= 1
    if budget[0] < 0:
        return None
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value, budget) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value, budget) for value in node]
    return next((kind(node) for kind in (bool, int, float, str) if isinstance(node, kind)), node)


def validated(
    raw: bytes | str,
    name: str,
    kind: type[M],
    problem: Callable[[Written, Any], Problem],
    more: Callable[[Written, M], Iterable[Problem]],
) -> M:
    """A policy of a kind.

    Args:
        name: Stands in the messages.
        problem: From one of pydantic's errors.
        more: What it cannot see.

    Raises:
        PolicyInvalid: Every mistake in it.
    """
    written = parse(raw, name)
    try:
        policy = kind.model_validate(written.values)
    except ValidationError as e:
        raise PolicyInvalid(name, {problem(written, error) for error in e.errors()}) from None
    if problems := list(more(written, policy)):
        raise PolicyInvalid(name, problems)
    return policy
