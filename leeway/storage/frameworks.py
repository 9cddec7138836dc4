"""What conventions.toml cannot say with attributes alone: what a span is when none says it, how its tokens are counted.

All of it is pure and looks at texts only: whoever has columns asks once for each text, or pair of texts, that is new.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.model import MODEL_CALLS

SHIPPED_FRAMEWORKS: Final = Path(__file__).parent / "frameworks.toml"
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """Patterns of whole texts, by what they are asked of (`scope`, `name`, …); one that is not there fits anything."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    def __call__(self, **texts: str) -> bool:
        return all(pattern.fullmatch(texts[what]) for what, pattern in self.patterns)


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
        return next((operation for fit, operation in self.names if fit(scope=scope, name=name)), "")

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
        return next((m[1] for pattern in self.agents if (m := pattern.fullmatch(name))), "")

    def tool_of(self, name: str) -> str:
        """What a tool is called by its span: the span's own name where nothing stands around it. One call a text."""
        return next((m[1] for pattern in self.tools if (m := pattern.fullmatch(name))), name)

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


@cache
def load_frameworks(path: Path = SHIPPED_FRAMEWORKS) -> Frameworks:
    """The packaged rules."""
    table = tomllib.loads(path.read_text("utf-8"))
    infer, named = table["infer"], table["named"]
    return Frameworks(
        names=tuple((_fit(rule, "scope", "name"), rule["operation"]) for rule in table["names"]),
        order=tuple(tuple(step) for step in infer["order"]),
        weak_models=frozenset(infer["weak_models"]),
        embedding_models=_pattern(infer["embedding_models"]),
        agents=tuple(map(_pattern, named["agent"])),
        tools=tuple(map(_pattern, named["tool"])),
        counting_rules=tuple(
            (
                _fit(rule, "scope", "source", "provider", "model"),
                Counting(rule["cache"] == "beside", rule["reasoning"] == "beside"),
            )
            for rule in table["counting"]
        ),
    )


def _fit(rule: Mapping[str, Any], *asked: str) -> Fit:
    return Fit(tuple((what, _pattern(rule[what])) for what in asked if what in rule))


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)
