"""What a finding shows: then and now in the same shape, how far apart, in words, and runs to look at on both sides."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from leeway.detectors import wording
from leeway.detectors.baseline import TAIL_QUANTILE, Baseline, bin_edges
from leeway.detectors.bets import NEW, OTHER
from leeway.detectors.history import BIN
from leeway.detectors.signals import OFFSETS, RATES, UNITS, names_of, proportions, value_of
from leeway.detectors.stream import ShareStream, StreamWatch, TailStream
from leeway.model import Observation

EXEMPLARS_MAX: Final = 5
BINS_MAX: Final = 36
MOVED_MAX: Final = 8
NAMES_SHOWN_MAX: Final = 24
Z95: Final = 1.96

Key = Callable[[Observation], float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Attributes:
    effect: Current over baseline (`ratio`), or the total variation distance (`share`).
    strength: The same on a scale from 0 (nothing) up, for telling whether a drift has passed.
    what: The headline without its subject.
    """

    baseline: Mapping[str, object]
    current: Mapping[str, object]
    runs: int
    effect: float
    effect_unit: str
    strength: float
    what: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    exemplars_baseline: tuple[str, ...] = ()
    exemplars_current: tuple[str, ...] = ()
    first_ns: int = 0
    """When the first of the current runs ended."""


def compare(
    stream: StreamWatch,
    baseline: Baseline,
    samples: Sequence[Observation],
    runs: Sequence[Observation],
    budget_ms: float | None,
) -> Comparison:
    """Args:
    samples: Runs of the baseline that may be shown.
    runs: At least one, the runs since the drift began, in order.
    """
    first_ns = min(o.end_ns for o in runs)
    if isinstance(stream, ShareStream):
        return replace(_categories(stream, baseline, samples, runs), first_ns=first_ns)
    if isinstance(stream, TailStream):
        return replace(_tail(stream, baseline, samples, runs), first_ns=first_ns)
    if stream.signal in RATES:
        return replace(_rate(stream.signal, baseline, samples, runs, budget_ms), first_ns=first_ns)
    return replace(_distribution(stream, baseline, samples, runs), first_ns=first_ns)


def _categories(
    stream: ShareStream, baseline: Baseline, samples: Sequence[Observation], runs: Sequence[Observation]
) -> Comparison:
    history = baseline.history.shares[stream.signal]
    before = {name: sums[0] / max(1, history.sessions) for name, sums in history.names.items()}
    now: dict[str, float] = {}
    for o in runs:
        for name, share in proportions(names_of(o, stream.signal)).items():
            now[name] = now.get(name, 0.0) + share / len(runs)
    shift = {name: now.get(name, 0.0) - before.get(name, 0.0) for name in [*before, *now]}
    # Names that the baseline folded together are compared together.
    if OTHER in before:
        strangers = [name for name in now if name not in before]
        shift[OTHER] = sum(now[name] for name in strangers) - before[OTHER]
        for name in strangers:
            del shift[name]
    order = sorted(shift, key=lambda name: (-abs(shift[name]), name))
    distance = sum(abs(d) for d in shift.values()) / 2
    gained = max(order, key=lambda name: shift[name])
    lost = min(order, key=lambda name: shift[name])
    shown = order[:NAMES_SHOWN_MAX]

    def share_of(name: str) -> Key:
        return lambda o: proportions(names_of(o, stream.signal)).get(name, 0.0)

    moved = [
        {"name": name, "baseline": round(before.get(name, 0.0), 5), "current": round(now.get(name, 0.0), 5)}
        for name in order[:MOVED_MAX]
    ]
    bets = [
        {"name": "names that are new" if name == NEW else name, "direction": direction}
        for name, direction in stream.detector.moved()[:3]
    ]
    return Comparison(
        baseline=_shares(before, baseline.runs, shown),
        current=_shares(now, len(runs), shown),
        runs=len(runs),
        effect=distance,
        effect_unit="share",
        strength=distance,
        what=wording.categories(stream.signal, before, now, gained, lost),
        evidence={"moved": moved, "bets_that_won": bets, "names_folded": history.folded},
        exemplars_baseline=_ids(samples, share_of(lost)),
        exemplars_current=_ids(runs, share_of(gained)),
    )


def _shares(shares: Mapping[str, float], runs: int, shown: Sequence[str]) -> dict[str, object]:
    listed = {name: round(shares.get(name, 0.0), 5) for name in shown}
    rest = sum(share for name, share in shares.items() if name not in listed)
    if rest > 0:
        listed[OTHER] = round(listed.get(OTHER, 0.0) + rest, 5)
    return {"kind": "categories", "runs": runs, "shares": listed}


def _distribution(
    stream: StreamWatch, baseline: Baseline, samples: Sequence[Observation], runs: Sequence[Observation]
) -> Comparison:
    signal = stream.signal
    m = baseline.history.magnitudes[signal]
    offset = OFFSETS[signal]
    values = sorted(v for o in runs if math.isfinite(v := value_of(o, signal)) and v >= 0) or [0.0]
    logs = [math.log(v + offset) for v in values]
    ratio = math.exp(sum(logs) / len(logs) - m.total / m.n)
    bins: dict[int, int] = {}
    for x in logs:
        bins[math.floor(x / BIN)] = bins.get(math.floor(x / BIN), 0) + 1
    edges = bin_edges([*_without_strays(m.bins), *_without_strays(bins)], BINS_MAX)
    shown = [max(0.0, math.exp(edge) - offset) for edge in edges]
    then = {q: max(0.0, math.exp(m.quantile(q)) - offset) for q in (0.5, 0.95, 0.99)}
    now = {q: _quantile(values, q) for q in then}
    mean = sum(n * (math.exp((at + 0.5) * BIN) - offset) for at, n in m.bins.items()) / m.n
    typical = now[0.5] if stream.direction == "down" else _quantile(values, 0.75)
    return Comparison(
        baseline=_summary(signal, m.n, max(0.0, mean), then, shown, _counts(m.bins, edges)),
        current=_summary(signal, len(values), sum(values) / len(values), now, shown, _counts(bins, edges)),
        runs=len(runs),
        effect=ratio,
        effect_unit="ratio",
        strength=abs(math.log(ratio)),
        what=wording.distribution(signal, then[0.5], now[0.5], ratio),
        evidence={"ratio_of_geometric_means": round(ratio, 4)},
        exemplars_baseline=_ids(samples, lambda o: -abs(value_of(o, signal) - then[0.5])),
        exemplars_current=_ids(runs, lambda o: -abs(value_of(o, signal) - typical)),
    )


def _summary(
    signal: str, runs: int, mean: float, quantiles: Mapping[float, float], edges: list[float], counts: list[int]
) -> dict[str, object]:
    return {
        "kind": "distribution", "runs": runs, "unit": UNITS[signal], "mean": mean,
        "p50": quantiles[0.5], "p95": quantiles[0.95], "p99": quantiles[0.99], "edges": edges, "counts": counts,
    }  # fmt: skip


def _without_strays(bins: Mapping[int, int]) -> list[int]:
    """The bins that hold all but the outermost half per cent on each side, so that one freak does not flatten the
    picture.
    """
    total = sum(bins.values())
    kept: list[int] = []
    seen = 0
    for at in sorted(bins):
        if seen + bins[at] > 0.005 * total and seen < 0.995 * total:
            kept.append(at)
        seen += bins[at]
    return kept


def _counts(bins: Mapping[int, int], edges: Sequence[float]) -> list[int]:
    """Counts between the edges; what lies outside is counted in the outermost bins."""
    first = round(edges[0] / BIN)
    step = max(1, round((edges[1] - edges[0]) / BIN))
    counts = [0] * (len(edges) - 1)
    for at, n in bins.items():
        counts[max(0, min(len(counts) - 1, (at - first) // step))] += n
    return counts


def _quantile(values: Sequence[float], q: float) -> float:
    """Of sorted values, by linear interpolation."""
    at = q * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def _rate(
    signal: str,
    baseline: Baseline,
    samples: Sequence[Observation],
    runs: Sequence[Observation],
    budget_ms: float | None,
) -> Comparison:
    def hit(o: Observation) -> float:
        if signal == "over_budget":
            return o.duration_ns / 1e6 if budget_ms is not None and o.duration_ns / 1e6 > budget_ms else 0.0
        return float(o.errors if signal == "errors" else o.refusals)

    rate = baseline.history.rates[signal]
    hits = sum(1 for o in runs if hit(o) > 0)
    evidence: dict[str, object] = {}
    if signal == "errors":
        types: dict[str, int] = {}
        for o in runs:
            for name, count in o.error_types.items():
                types[name] = types.get(name, 0) + count
        evidence["error_types"] = dict(sorted(types.items(), key=lambda item: (-item[1], item[0]))[:MOVED_MAX])
    if signal == "over_budget":
        evidence["budget_ms"] = budget_ms
    what = wording.rate(signal, rate.hits / max(1, rate.n), hits / len(runs), budget_ms)
    # Half a hit keeps the ratio finite where the baseline has none.
    then, now, floor = (rate.hits, rate.n), (hits, len(runs)), 0.5 / max(1, rate.n)
    return _rates(then, now, floor, what, evidence, _ids(samples, lambda o: -hit(o)), _ids(runs, hit))


def _tail(
    stream: TailStream, baseline: Baseline, samples: Sequence[Observation], runs: Sequence[Observation]
) -> Comparison:
    signal = stream.signal
    m = baseline.history.magnitudes[signal]
    limit = max(0.0, math.exp(stream.threshold) - OFFSETS[signal])
    beyond = sum(n for at, n in m.bins.items() if at * BIN > stream.threshold)
    hits = sum(1 for o in runs if value_of(o, signal) > limit)
    what = wording.tail(signal, limit, beyond / m.n, hits / len(runs))
    middle = max(0.0, math.exp(m.quantile(0.5)) - OFFSETS[signal])
    return _rates(
        (beyond, m.n), (hits, len(runs)), 1 - TAIL_QUANTILE, what, {"beyond": limit, "unit": UNITS[signal]},
        _ids(samples, lambda o: -abs(value_of(o, signal) - middle)), _ids(runs, lambda o: value_of(o, signal)),
    )  # fmt: skip


def _rates(
    then: tuple[int, int], now: tuple[int, int], floor: float, what: str, evidence: Mapping[str, object],
    exemplars_baseline: tuple[str, ...], exemplars_current: tuple[str, ...],
) -> Comparison:  # fmt: skip
    """Args:
    then, now: Hits and runs.
    floor: What the baseline's rate is at least, for the ratio.
    """
    ratio = max(now[0], 0.5) / now[1] / max(then[0] / max(1, then[1]), floor)
    return Comparison(
        _interval(*then), _interval(*now), now[1], ratio, "ratio", max(0.0, math.log(ratio)), what, evidence,
        exemplars_baseline, exemplars_current,
    )  # fmt: skip


def _interval(hits: int, n: int) -> dict[str, object]:
    """A rate with its 95 % interval (Wilson)."""
    n = max(1, n)
    p = hits / n
    middle = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n)) / (1 + Z95**2 / n)
    return {"kind": "rate", "runs": n, "rate": p, "low": max(0.0, middle - half), "high": min(1.0, middle + half)}


def _ids(runs: Sequence[Observation], telling: Key) -> tuple[str, ...]:
    """Trace ids, most telling first, the later one where two say as much."""
    order = sorted(range(len(runs)), key=lambda i: (-telling(runs[i]), -i))
    return tuple(dict.fromkeys(runs[i].trace_id for i in order[: 2 * EXEMPLARS_MAX]))[:EXEMPLARS_MAX]
