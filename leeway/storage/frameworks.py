"""What conventions.toml cannot say with attributes alone: what a span is when none says it, how its tokens are counted.

All of it is pure and looks at texts only: whoever has columns asks once for each text, or pair of texts, that is new.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.model import MODEL_CALLS, OPERATIONS
from leeway.storage.conventions import ConventionsInvalid, read_toml

SHIPPED_FRAMEWORKS: Final = Path(__file__).parent / "frameworks.toml"
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """Patterns of whole texts, by what they are asked of (`scope`, `name`, …); one that is not there fits anything."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    def __call__(self, **texts: str) -> bool:
        return all(_whole(pattern, texts[what]) for what, pattern in self.patterns)


NAME_CHARS_MAX: Final = 1024
"""A longer name says nothing: senders choose names, and a pattern may take the square of one's length."""


def _whole(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return pattern.fullmatch(text) if len(text) <= NAME_CHARS_MAX else None


def _fits_any(_: str) -> bool:
    return True


@dataclass(frozen=True)
class Counting:
    """Whether a source's counts of input hold the cache's, and those of output the ones of reasoning."""

    cache_beside: bool = False
    reasoning_beside: bool = False


@dataclass(frozen=True)
class Found:
    """What inference may look at: whether the columns have a value.

    Attributes:
        model_source: The attribute that said the model.
        counted: Any tokens.
    """

    tool_name: bool = False
    agent_name: bool = False
    model: str = ""
    model_source: str = ""
    counted: bool = False


@dataclass(frozen=True)
class Frameworks:
    names: tuple[tuple[Fit, str], ...]
    order: tuple[tuple[str, ...], ...]
    weak_models: frozenset[str]
    embedding_models: re.Pattern[str]
    agents: tuple[re.Pattern[str], ...]
    tools: tuple[re.Pattern[str], ...]
    counting_rules: tuple[tuple[Fit, Counting], ...]

    def by_name(self, scope: str, name: str) -> str:
        """The operation that an instrumentation's names mean; '' where they say nothing. One call a pair of texts."""
        return self.of_scope(scope)(name)

    def of_scope(self, scope: str) -> Callable[[str], str]:
        """What the names of spans mean in a scope, as `by_name` says of each. One call a text.

        Names may be as many as spans, and scopes are few: what depends on the scope is asked once.
        """
        rules: list[tuple[Callable[[str], object], str]] = []
        for fit, operation in self.names:
            asked = dict(fit.patterns)
            if "scope" not in asked or _whole(asked["scope"], scope):
                rules.append((asked["name"].fullmatch if "name" in asked else _fits_any, operation))
        unnamed = [rule for rule in rules if rule[0] is _fits_any]

        def meant(name: str) -> str:
            for fits, operation in rules if len(name) <= NAME_CHARS_MAX else unnamed:
                if fits(name):
                    return operation
            return ""

        return meant

    def inferred(self, found: Found) -> str:
        """The operation where neither a word nor a name says it."""
        there = {"tool_name": found.tool_name, "agent_name": found.agent_name, "model": bool(found.model)}
        for operation, *needed in self.order:
            if all(there[column] for column in needed):
                weak = operation in MODEL_CALLS and found.model_source in self.weak_models and not found.counted
                if weak:
                    continue
                return "embedding" if operation == "llm" and self.embedding_models.fullmatch(found.model) else operation
        return "other"

    def operation(self, words: Sequence[str], meanings: Mapping[str, str], scope: str, name: str, found: Found) -> str:
        """What a span does: the first word that has a meaning, else its names, else what was found on it.

        Args:
            words: What the sources of `operation_source` say, in their order.
            meanings: `Conventions.operations`.
        """
        said = next((m for word in words if (m := meanings.get(word.lower()))), "")
        return said or self.by_name(scope, name) or self.inferred(found)

    def agent_of(self, name: str) -> str:
        """What an agent is called by its span; '' where it does not say. One call a text."""
        return next((m[1] for pattern in self.agents if (m := _whole(pattern, name))), "")

    def tool_of(self, name: str) -> str:
        """What a tool is called by its span: the span's own name where nothing stands around it. One call a text."""
        return next((m[1] for pattern in self.tools if (m := _whole(pattern, name))), name)

    def counting(self, scope: str, source: str, provider: str, model: str) -> Counting:
        """How the counts of a source are meant. One call a combination of texts that has cached or reasoning tokens."""
        texts = {"scope": scope, "source": source, "provider": provider, "model": model}
        return next((counting for fit, counting in self.counting_rules if fit(**texts)), Counting())


class Tokens(NamedTuple):
    """Counts as `spans` has them: input holds cached and cache-write tokens, output holds those of reasoning."""

    input_tokens: Counts
    output_tokens: Counts


def counted(
    stated: Tokens,
    cached: Counts,
    cache_write: Counts,
    reasoning: Counts,
    total: Counts,
    cache_beside: NDArray[np.bool_],
    reasoning_beside: NDArray[np.bool_],
) -> Tokens:
    """Input and output that hold their parts, whatever the source meant; arrays of one length.

    Proof comes before the table's word: parts larger than the whole lie beside it, and so do parts that only the stated
    total holds. That a total leaves the parts out proves nothing: some add up only what they have.

    Args:
        total: 0 where none is stated.
        cache_beside: What the table says (`Frameworks.counting`), one a span; `reasoning_beside` too.
    """
    parts = cached + cache_write
    rest = total - stated.input_tokens - stated.output_tokens
    whole = (total > 0) & (rest > 0)
    proof = whole & (parts != reasoning)
    both = whole & (rest == parts + reasoning)
    cache_out = cache_beside | (parts > stated.input_tokens) | (proof & (rest == parts)) | both
    reasoning_out = reasoning_beside | (reasoning > stated.output_tokens) | (proof & (rest == reasoning)) | both
    return Tokens(
        stated.input_tokens + np.where(cache_out, parts, 0),
        stated.output_tokens + np.where(reasoning_out, reasoning, 0),
    )


def load_frameworks(own: Path | None = None) -> Frameworks:
    """The packaged rules, those of a user's own file asked before them.

    Args:
        own: The file of conventions; its `names` and `counting` are read here, the rest by `load_conventions`.

    Raises:
        ConventionsInvalid: A rule cannot be used.
    """
    shipped = _shipped()
    if own is None:
        return shipped
    table = read_toml(own)
    names, counting = _names(own, table.get("names", [])), _counting(own, table.get("counting", []))
    return replace(shipped, names=(*names, *shipped.names), counting_rules=(*counting, *shipped.counting_rules))


@cache
def _shipped() -> Frameworks:
    path = SHIPPED_FRAMEWORKS
    table = read_toml(path)
    infer: Any = table["infer"]
    named: Any = table["named"]
    return Frameworks(
        names=_names(path, table["names"]),
        order=tuple(tuple(step) for step in infer["order"]),
        weak_models=frozenset(infer["weak_models"]),
        embedding_models=_pattern(path, "infer.embedding_models", infer["embedding_models"]),
        agents=tuple(_pattern(path, "named.agent", text) for text in named["agent"]),
        tools=tuple(_pattern(path, "named.tool", text) for text in named["tool"]),
        counting_rules=_counting(path, table["counting"]),
    )


def _names(path: Path, rules: object) -> tuple[tuple[Fit, str], ...]:
    made = []
    for at, rule in _rules(path, "names", rules, {"scope", "name", "operation"}):
        if rule.get("operation") not in OPERATIONS:
            raise ConventionsInvalid(
                f"{path}: {at}.operation is {rule.get('operation')!r}; use one of {', '.join(OPERATIONS)}"
            )
        made.append((_fit(path, at, rule, "scope", "name"), str(rule["operation"])))
    return tuple(made)


def _counting(path: Path, rules: object) -> tuple[tuple[Fit, Counting], ...]:
    made = []
    asked = ("scope", "source", "provider", "model")
    for at, rule in _rules(path, "counting", rules, {*asked, "cache", "reasoning"}):
        for part in ("cache", "reasoning"):
            if rule.get(part, "inside") not in {"inside", "beside"}:
                raise ConventionsInvalid(f"{path}: {at}.{part} is {rule[part]!r}; use 'inside' or 'beside'")
        counting = Counting(rule.get("cache") == "beside", rule.get("reasoning") == "beside")
        made.append((_fit(path, at, rule, *asked), counting))
    return tuple(made)


def _rules(path: Path, kind: str, rules: object, known: set[str]) -> Iterator[tuple[str, Mapping[str, object]]]:
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ConventionsInvalid(f"{path}: {kind} must be a list of tables: [[{kind}]]")
    for number, rule in enumerate(rules, start=1):
        if unknown := sorted(rule.keys() - known):
            raise ConventionsInvalid(
                f"{path}: {kind} {number}: {unknown[0]} is unknown; use {', '.join(sorted(known))}"
            )
        yield f"{kind} {number}", rule


def _fit(path: Path, at: str, rule: Mapping[str, object], *asked: str) -> Fit:
    given = tuple((what, _pattern(path, f"{at}.{what}", rule[what])) for what in asked if what in rule)
    if not given:
        raise ConventionsInvalid(f"{path}: {at} fits everything; give it one of {', '.join(asked)}")
    return Fit(given)


def _pattern(path: Path, at: str, text: object) -> re.Pattern[str]:
    try:
        return re.compile(text if isinstance(text, str) else "(", re.IGNORECASE)
    except re.error:
        raise ConventionsInvalid(f"{path}: {at} is {text!r}; it must be a regular expression") from None
