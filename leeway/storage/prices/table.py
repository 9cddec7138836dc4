"""Prices and what calls cost by them. Pure: numbers and texts in, numbers out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

SOURCES: Final = ("", "stated", "price_table", "unknown_model")
"""`spans.cost_source` by code: no model call, what the span itself says, what a table says, nobody knows."""
NO_CALL, STATED, PRICE_TABLE, UNKNOWN_MODEL = range(len(SOURCES))
STATED_USD_MAX: Final = 1e6
"""More for one call is a mistake, and one such row would spoil every sum."""
RATES: Final = (
    "input", "output", "cached_input", "cache_write", "cache_write_1h", "reasoning", "audio_input", "audio_output",
)  # fmt: skip
PART_OF: Final[Mapping[str, str]] = {
    "cached_input": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "reasoning": "output",
    "audio_input": "input",
    "audio_output": "output",
}
"""The rate that holds where one is left out."""
FOREVER_NS: Final = 2**63 - 1
REMEMBERED_MAX: Final = 65_536
"""Names whose prices a table remembers. Senders choose the names, so memory is bounded."""
NAME_CHARS_MAX: Final = 256
"""No model or provider is called anything longer. Patterns would take the square of a name's length."""
_TABLE_MIN: Final = 4096


@dataclass(frozen=True)
class Rates:
    """USD for a million tokens, every rate there; paid where a call's input is above `above_input_tokens`."""

    above_input_tokens: int
    usd_per_million: tuple[float, ...]
    """In the order of RATES."""


@dataclass(frozen=True)
class Period:
    """What holds from `from_ns` on and before `until_ns`.

    Attributes:
        rates: By `above_input_tokens`, smallest first; the first is 0 or above nothing.
    """

    rates: tuple[Rates, ...]
    from_ns: int = -FOREVER_NS
    until_ns: int = FOREVER_NS


@dataclass(frozen=True)
class Model:
    """A model's prices.

    Attributes:
        names: Its whole names, in lower case; the first is what it is called.
        provider: Whose calls are meant; None: anybody's.
        periods: In order of time; they do not overlap, and may leave gaps, in which the model has no price.
    """

    names: tuple[str, ...]
    periods: tuple[Period, ...]
    patterns: tuple[re.Pattern[str], ...] = ()
    provider: re.Pattern[str] | None = None

    def sold_by(self, provider: str) -> bool:
        return self.provider is None or bool(self.provider.fullmatch(provider))


@dataclass(frozen=True)
class Calls:
    """Columns of calls, of one length. Input holds cached, cache-write and audio tokens, output reasoning and audio.

    Attributes:
        model_codes: Into the models' names that `PriceTable.price` is given; `provider_codes` into the providers'.
        counts: Whether it is a model call at all.
        stated_usd: What the span says itself; 0 where it says nothing.
        cache_write_1h_tokens: Of those written, the ones kept for an hour; None where nobody knows.
    """

    model_codes: NDArray[np.integer]
    provider_codes: NDArray[np.integer]
    counts: NDArray[np.bool_]
    start_ns: Counts
    stated_usd: NDArray[np.float64]
    input_tokens: Counts
    output_tokens: Counts
    cached_input_tokens: Counts
    cache_write_tokens: Counts
    reasoning_tokens: Counts
    cache_write_1h_tokens: Counts | None = None
    audio_input_tokens: Counts | None = None
    audio_output_tokens: Counts | None = None


class Priced(NamedTuple):
    """What calls cost, and the code in SOURCES of who says so."""

    cost_usd: NDArray[np.float64]
    source_codes: NDArray[np.uint8]


@dataclass(frozen=True)
class Layer:
    """The models of one file, and what it takes off a name: `prefix` at its beginning, `suffix` at its end."""

    models: tuple[Model, ...]
    prefix: re.Pattern[str]
    suffix: re.Pattern[str]
    by_name: Mapping[str, tuple[Model, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_name: dict[str, tuple[Model, ...]] = {}
        for model in self.models:
            for name in model.names:
                by_name[name] = (*by_name.get(name, ()), model)
        object.__setattr__(self, "by_name", by_name)

    def find(self, model: str, provider: str) -> Model | None:
        """By the whole name, then by patterns, then by the name without what stands before it, then behind it."""
        before = self.prefix.match(model)
        bare = model[before.end() :] if before else model
        behind = self.suffix.search(bare)
        cut = bare[: behind.start()] if behind else bare
        for name in dict.fromkeys((model, bare, cut)):
            named = self.by_name.get(name, ())
            matched = (m for m in self.models if any(p.fullmatch(name) for p in m.patterns))
            sold = [m for m in (*named, *matched) if m.sold_by(provider)]
            if sold:
                return next((m for m in sold if m.provider is not None), sold[0])
        return None


class PriceTable:
    """Prices in layers: what the first has, the others are not asked for."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self.models = tuple(dict.fromkeys(m for layer in self.layers for m in layer.models))
        self._number = {id(m): number for number, m in enumerate(self.models)}
        self._found: dict[tuple[str, str], int] = {}
        flat = [rates for m in self.models for period in m.periods for rates in period.rates]
        self._usd = np.array([r.usd_per_million for r in flat], np.float64).reshape(-1, len(RATES)) / 1e6
        sizes = [sum(len(p.rates) for p in m.periods) for m in self.models]
        self._first_row = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._steady = np.array(
            [
                size == 1 and m.periods[0] == Period(m.periods[0].rates)
                for size, m in zip(sizes, self.models, strict=True)
            ],
            np.bool_,
        )

    def find(self, model: str, provider: str = "") -> Model | None:
        """The model that a span's texts mean; None where there is no price."""
        number = self._find(model.lower(), provider.lower())
        return None if number < 0 else self.models[number]

    def price(self, models: Sequence[str], providers: Sequence[str], calls: Calls) -> Priced:
        """What each call costs. What it says itself wins over any table.

        Args:
            models: The names that `calls.model_codes` point to; `providers` likewise.
        """
        rows = self._rows(models, providers, calls)
        known = rows >= 0
        usd = self._usd[np.where(known, rows, 0)] if len(self._usd) else np.zeros((len(rows), len(RATES)))
        cost = np.where(known, np.einsum("ij,ij->i", _amounts(calls), usd), 0.0)
        stated = (calls.stated_usd > 0) & (calls.stated_usd < STATED_USD_MAX)
        source = np.where(stated, STATED, np.where(known, PRICE_TABLE, UNKNOWN_MODEL))
        return Priced(
            np.where(calls.counts, np.where(stated, calls.stated_usd, cost), 0.0),
            np.where(calls.counts, source, NO_CALL).astype(np.uint8),
        )

    def _rows(self, models: Sequence[str], providers: Sequence[str], calls: Calls) -> Counts:
        """The row of rates of each call; -1 where there is none. Only calls pay for the look."""
        width = max(len(providers), 1)
        pairs = calls.model_codes.astype(np.int64) * width + calls.provider_codes.astype(np.int64)
        pairs = np.where(calls.counts, pairs, -1)
        asked, which = _different(pairs, len(models) * width)
        found = [
            -1 if pair < 0 else self._find(models[pair // width].lower(), providers[pair % width].lower())
            for pair in asked.tolist()
        ]
        number = np.array(found, np.int64)[which]
        rows = np.where(number >= 0, self._first_row[number], -1)
        for moving in {n for n in found if n >= 0 and not self._steady[n]}:
            mine = np.flatnonzero(number == moving)
            rows[mine] = self._moving_rows(moving, calls.start_ns[mine], calls.input_tokens[mine])
        return rows

    def _moving_rows(self, number: int, start_ns: Counts, input_tokens: Counts) -> Counts:
        """The rows of a model whose price depends on the day or on the size of the input."""
        rows = np.full(len(start_ns), -1, np.int64)
        first = self._first_row[number]
        for period in self.models[number].periods:
            inside = (start_ns >= period.from_ns) & (start_ns < period.until_ns)
            above = np.array([r.above_input_tokens for r in period.rates[1:]], np.int64)
            rows[inside] = first + np.searchsorted(above, input_tokens[inside], side="left")
            first += len(period.rates)
        return rows

    def _find(self, model: str, provider: str) -> int:
        if not model or len(model) > NAME_CHARS_MAX:
            return -1
        provider = provider if len(provider) <= NAME_CHARS_MAX else ""
        number = self._found.get((model, provider))
        if number is None:
            if len(self._found) >= REMEMBERED_MAX:
                self._found.clear()
            found = next((m for layer in self.layers if (m := layer.find(model, provider))), None)
            number = self._found[model, provider] = -1 if found is None else self._number[id(found)]
        return number


def _different(numbers: Counts, end: int) -> tuple[Counts, Counts]:
    """The different numbers, from -1 to `end`, and the place of each number among them.

    By a table where that is small, which is quicker; senders choose how large it would be.
    """
    if end > max(len(numbers), _TABLE_MIN):
        return np.unique(numbers, return_inverse=True)
    seen = np.zeros(end + 1, np.bool_)
    seen[numbers] = True  # -1 is the last
    seen_last = seen[-1]
    place = np.cumsum(seen) - 1 + seen_last
    place[-1] = 0
    different = np.flatnonzero(seen[:-1])
    return np.concatenate([np.full(int(seen_last), -1), different]), place[numbers]


def _amounts(calls: Calls) -> NDArray[np.float64]:
    """The tokens that each rate is paid for, one row a call, in the order of RATES."""
    none = np.zeros(len(calls.input_tokens), np.int64)
    hour = (
        none
        if calls.cache_write_1h_tokens is None
        else np.minimum(calls.cache_write_1h_tokens, calls.cache_write_tokens)
    )
    heard = none if calls.audio_input_tokens is None else calls.audio_input_tokens
    spoken = none if calls.audio_output_tokens is None else calls.audio_output_tokens
    amounts = np.stack(
        [
            _rest(calls.input_tokens, calls.cached_input_tokens + calls.cache_write_tokens + heard),
            _rest(calls.output_tokens, calls.reasoning_tokens + spoken),
            calls.cached_input_tokens,
            calls.cache_write_tokens - hour,
            hour,
            calls.reasoning_tokens,
            heard,
            spoken,
        ],
        axis=1,
    )
    return amounts.astype(np.float64)


def _rest(whole: Counts, parts: Counts) -> Counts:
    """What is left of a whole without its parts. Parts larger than it were not in it: then nothing is taken off."""
    return np.where(whole >= parts, whole - parts, whole)
