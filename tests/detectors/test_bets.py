from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.base import DriftDetector

from leeway.detectors.bets import MeanBets, MeanNull, RateBets, RateNull, ShareBets, ShareNull

probabilities = st.lists(st.floats(0.001, 1.0), min_size=2, max_size=6).map(lambda ws: [w / sum(ws) for w in ws])


def winnings(detector: ShareBets | MeanBets | RateBets, *unit: object) -> np.ndarray:
    """The e-value of each component, from even stakes."""
    detector._reset()
    detector._grown = np.ones_like(detector._weights)
    detector.spending = 0.0
    detector.update(*unit)  # type: ignore[arg-type]
    return detector._grown


@given(probabilities, st.floats(0, 0.2), st.floats(0, 0.2), st.data())
def test_bets_on_shares_are_fair_wherever_the_means_lie_within_the_null(
    shares: list[float], below: float, above: float, data: st.DataObject
) -> None:
    names = [f"tool-{i}" for i in range(len(shares))]
    null = {n: ShareNull(max(0.0, p - below) * 0.999, min(1.0, p + above)) for n, p in zip(names, shares, strict=True)}
    detector = ShareBets(null, new_high=0.01)
    expected = sum(p * winnings(detector, {name: 1.0}) for name, p in zip(names, shares, strict=True))
    assert np.all(expected <= 1 + 1e-9)
    # The calls of one session hang together: half of the sessions mix two names, and the means stay what they are.
    i, j = data.draw(st.tuples(*[st.integers(0, len(names) - 1)] * 2))
    if i != j:
        even = min(shares[i], shares[j])
        mixed = expected + 2 * even * winnings(detector, {names[i]: 0.5, names[j]: 0.5})
        mixed = mixed - even * (winnings(detector, {names[i]: 1.0}) + winnings(detector, {names[j]: 1.0}))
        assert np.all(mixed <= 1 + 1e-9)


@given(st.floats(0.001, 0.5), st.floats(0, 1), st.floats(1, 4), st.integers(5, 60))
def test_bets_on_rates_are_fair_at_and_below_the_null(high: float, part: float, clump: float, runs: int) -> None:
    rate = high * part
    detector = RateBets(RateNull(high, clump))
    expected = sum(
        math.comb(runs, k) * rate**k * (1 - rate) ** (runs - k) * winnings(detector, float(k), runs)
        for k in range(runs + 1)
    )
    assert np.all(expected <= 1 + 1e-9)


@given(st.floats(0.001, 0.1), st.integers(2, 5))
def test_hits_that_come_in_clumps_are_no_evidence(high: float, clump: int) -> None:
    detector = RateBets(RateNull(high, float(clump)))
    sites = 12
    rate = high  # each of a block's sites has a whole clump of hits, or none
    expected = sum(
        math.comb(sites, k) * rate**k * (1 - rate) ** (sites - k) * winnings(detector, float(k * clump), sites * clump)
        for k in range(sites + 1)
    )
    assert np.all(expected <= 1 + 1e-9)


@given(st.floats(-1, 1), st.floats(0, 0.5))
def test_bets_on_means_are_fair_anywhere_within_the_margin(where: float, margin: float) -> None:
    detector = MeanBets(MeanNull(centre=2.0, margin=margin, scale=0.3))
    zs = np.linspace(-8, 8, 4001)
    density = np.exp(-(zs**2) / 2) / math.sqrt(2 * math.pi) * (zs[1] - zs[0])
    expected = sum(
        d * winnings(detector, 2.0 + margin * where + 0.3 * z) for z, d in zip(zs[::8], 8 * density[::8], strict=True)
    )
    assert np.all(expected <= 1 + 1e-3)


def test_they_are_river_detectors_and_start_again_after_an_alarm() -> None:
    detector = MeanBets(MeanNull(0.0, 0.1, 1.0), alarm=1000)
    assert isinstance(detector, DriftDetector)
    alarms = []
    for i in range(60):
        detector.update(0.0 if i < 30 else 3.0)
        if detector.drift_detected:
            alarms.append(i)
    assert alarms[0] in range(30, 36)
    assert len(alarms) > 1
    assert detector.direction == "up"


def test_false_alarms_are_at_most_the_units_over_the_alarm_level() -> None:
    rng = random.Random(7)
    detector = ShareBets({"a": ShareNull(0.7, 0.7), "b": ShareNull(0.3, 0.3)}, new_high=0.001, alarm=200)
    alarms = 0
    for _ in range(60_000):
        detector.update({"a" if rng.random() < 0.7 else "b": 1.0})
        alarms += detector.drift_detected
    assert 0 < alarms <= 60_000 / 200


def test_evidence_is_kept_name_by_name_when_the_null_is_refreshed() -> None:
    before = ShareBets({"a": ShareNull(0.4, 0.6), "b": ShareNull(0.4, 0.6)}, new_high=0.01)
    for _ in range(20):
        before.update({"a": 1.0})
    after = ShareBets({"a": ShareNull(0.45, 0.55), "c": ShareNull(0.45, 0.55)}, new_high=0.01)
    after.take(before)
    assert after.moved()[0] == ("a", "up")
    assert 0 < after.evidence < before.evidence


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_bet_that_cannot_win_is_not_made(share: float) -> None:
    detector = ShareBets({"only": ShareNull(share, share or 0.01)}, new_high=0.01)
    for _ in range(50):
        detector.update({"only": 1.0} if share else {"else": 1.0})
    assert math.isfinite(detector.evidence)
