"""What follows from what spans say in several columns: what they did, who and what it was about, what it cost.

The rules are those of conventions, frameworks and prices; here they meet columns. Each is asked once for each text, or
combination of texts, that is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeway.model import MODEL_CALLS, OPERATIONS
from leeway.storage.columns.attributes import NOBODY
from leeway.storage.columns.measures import number_of
from leeway.storage.columns.said import Names, Said
from leeway.storage.columns.texts import Texts
from leeway.storage.conventions import Conventions
from leeway.storage.frameworks import Frameworks, Tokens, counted
from leeway.storage.prices import SOURCES, Calls, PriceTable

Counts = NDArray[np.int64]
Rows = NDArray[np.bool_]

TOKENS: Final = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens")
_OPERATIONS: Final = ("", *OPERATIONS)
_CODE: Final = {name: code for code, name in enumerate(_OPERATIONS)}
_MODEL_CALLS: Final = [_CODE[name] for name in MODEL_CALLS]


@dataclass(frozen=True, eq=False)
class Meaning:
    """Columns of `spans`.

    Attributes:
        tokens: By the names in TOKENS; input holds what the cache has, output what is reasoning.
        tokens_source: The attribute that said how many.
    """

    operation: Texts
    agent_name: Texts
    tool_name: Texts
    model: Texts
    model_requested: Texts
    provider: Texts
    finish_reason: Texts
    tokens: dict[str, Counts]
    tokens_source: Texts
    cost_usd: NDArray[np.float64]
    cost_source: Texts


class Interpreter:
    """Finds the meaning by one set of tables."""

    def __init__(self, conventions: Conventions, names: Names, frameworks: Frameworks, prices: PriceTable) -> None:
        self._words = conventions.operations
        self._frameworks = frameworks
        self._prices = prices
        self._sources = {
            name: [*column.sources, *[""] * (NOBODY + 1)][: NOBODY + 1] for name, column in names.columns.items()
        }
        self._weak = {
            name: np.array([source in frameworks.weak_models for source in self._sources[name]])
            for name in ("model", "model_requested")
        }

    def meaning(self, said: Said, scopes: Texts, names: Texts, start_ns: Counts) -> Meaning:
        """What the spans mean, of which these are the scopes' and their own names."""
        model, requested, provider = (said.texts(name) for name in ("model", "model_requested", "provider"))
        agent, tool = said.texts("agent_name"), said.texts("tool_name")
        tokens = {name: said.counts(name) for name in TOKENS}
        is_counted = tokens["input_tokens"] + tokens["output_tokens"] > 0
        operation = self._operation(said, scopes, names, tool, agent, model, is_counted)
        is_call = np.isin(operation.codes, _MODEL_CALLS)
        source = said.sources("input_tokens")
        tokens = self._counted(said, is_call, tokens, (scopes, provider, model), source)
        cost_usd, cost_source = self._cost(said, is_call, tokens, model, provider, start_ns)
        return Meaning(
            operation,
            _named(agent, names, operation.codes == _CODE["agent"], self._frameworks.agent_of),
            _named(tool, names, operation.codes == _CODE["tool"], self._frameworks.tool_of),
            model,
            requested,
            provider,
            said.texts("finish_reason").map(first_reason),
            tokens,
            self._source_names(said, is_call, source),
            cost_usd,
            cost_source,
        )

    def _operation(
        self, said: Said, scopes: Texts, names: Texts, tool: Texts, agent: Texts, model: Texts, is_counted: Rows
    ) -> Texts:
        """The first word that has a meaning, else what the names mean, else what was found."""
        told = said.meanings(lambda word: self._words.get(word.lower(), ""))
        codes = np.array([_CODE[value] for value in told.values])[told.codes]
        silent = np.flatnonzero(codes == 0)
        if len(silent):
            pairs, which = np.unique(_combined(scopes, names, silent), return_inverse=True)
            width = len(names.values)
            of_scope = cache(lambda scope: self._frameworks.of_scope(scopes.values[scope]))
            meant = [of_scope(p // width)(names.values[p % width]) for p in pairs.tolist()]
            codes[silent] = np.array([_CODE[value] for value in meant])[which]
        silent = np.flatnonzero(codes == 0)
        if len(silent):
            codes[silent] = self._inferred(said, tool, agent, model, is_counted)[silent]
        return Texts(codes.astype(np.int32), _OPERATIONS)

    def _inferred(self, said: Said, tool: Texts, agent: Texts, model: Texts, is_counted: Rows) -> NDArray[np.int64]:
        present = {"tool_name": tool.present, "agent_name": agent.present, "model": model.present}
        stated = said.sources("model")
        weak = np.where(
            stated != NOBODY,
            self._weak["model"][stated],
            self._weak["model_requested"][said.sources("model_requested")],
        )
        embeds = np.array([bool(self._frameworks.embedding_models.fullmatch(text)) for text in model.values])[
            model.codes
        ]
        codes = np.full(len(model), _CODE["other"])
        for operation, *needed in reversed(self._frameworks.order):
            rows = np.logical_and.reduce([present[name] for name in needed])
            if operation in MODEL_CALLS:
                rows &= ~weak | is_counted
            code = _CODE[operation]
            codes = np.where(rows, np.where(embeds, _CODE["embedding"], code) if operation == "llm" else code, codes)
        return codes

    def _counted(
        self, said: Said, is_call: Rows, tokens: dict[str, Counts], texts: tuple[Texts, ...], source: NDArray[np.uint8]
    ) -> dict[str, Counts]:
        """Each token once, on model calls; the whole holds its parts, whatever the source meant."""
        tokens = {name: np.where(is_call, count, 0) for name, count in tokens.items()}
        cached, written, reasoning = (tokens[name] for name in TOKENS[2:])
        beside = np.zeros((2, len(is_call)), np.bool_)
        rows = np.flatnonzero(cached + written + reasoning > 0)
        if not len(rows):
            return tokens
        asked = np.stack([*(text.codes[rows] for text in texts), source[rows]])
        combinations, which = np.unique(asked, axis=1, return_inverse=True)
        scope, provider, model = texts
        rules = [
            self._frameworks.counting(
                scope.values[s], self._sources["input_tokens"][place], provider.values[p], model.values[m]
            )
            for s, p, m, place in combinations.T.tolist()
        ]
        beside[:, rows] = np.array([(rule.cache_beside, rule.reasoning_beside) for rule in rules]).T[:, which.ravel()]
        total = np.where(is_call, said.counts("total_tokens"), 0)
        stated = Tokens(tokens["input_tokens"], tokens["output_tokens"])
        whole = counted(stated, cached, written, reasoning, total, beside[0], beside[1])
        return {**tokens, "input_tokens": whole.input_tokens, "output_tokens": whole.output_tokens}

    def _source_names(self, said: Said, is_call: Rows, of_input: NDArray[np.uint8]) -> Texts:
        """The source of input_tokens, else of output_tokens; empty but for model calls."""
        first, other = (Texts.each(self._sources[name]) for name in ("input_tokens", "output_tokens"))
        found = first.take(of_input.astype(np.int64)).or_else(
            other.take(said.sources("output_tokens").astype(np.int64))
        )
        return Texts(np.where(is_call, found.codes, 0).astype(np.int32), found.values)

    def _source_texts(self, name: str, precedences: NDArray[np.uint8]) -> Texts:
        return Texts.each(self._sources[name]).take(precedences.astype(np.int64))

    def _cost(
        self, said: Said, is_call: Rows, tokens: dict[str, Counts], model: Texts, provider: Texts, start_ns: Counts
    ) -> tuple[NDArray[np.float64], Texts]:
        stated = said.texts("cost_stated")
        stated_usd = np.array([number_of(text) for text in stated.values])[stated.codes]
        calls = Calls(model.codes, provider.codes, is_call, start_ns, stated_usd, *(tokens[name] for name in TOKENS))
        priced = self._prices.price(model.values, provider.values, calls)
        return priced.cost_usd, Texts(priced.source_codes.astype(np.int32), SOURCES)


def _named(given: Texts, names: Texts, rows: Rows, name_in: Callable[[str], str]) -> Texts:
    """What is given, and on these rows, where nothing is, what the span's own name says."""
    rows = rows & ~given.present
    if not rows.any():
        return given
    return Texts(np.where(rows, names.codes, 0).astype(np.int32), names.values).map(name_in).where(rows, given)


def _combined(scopes: Texts, names: Texts, rows: NDArray[np.int64]) -> Counts:
    return scopes.codes[rows].astype(np.int64) * len(names.values) + names.codes[rows]


def first_reason(text: str) -> str:
    """Of several finish reasons, the first."""
    return text.split('"')[1] if text.startswith('["') else text
