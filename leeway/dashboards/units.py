"""Figures as a person reads them. Every function takes a plain number and returns a short text."""

from __future__ import annotations

import math
from datetime import UTC, datetime, tzinfo
from typing import Final

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86400
THIN: Final = "\u202f"
"""The narrow no-break space between a figure and its unit."""


def duration(ns: float) -> str:
    """820 ms, 1.24 s, 2 min 03 s, 1 h 04 min."""
    if ns < 0:
        return f"−{duration(-ns)}"
    ms = ns / NS_PER_MS
    if ms < 1:
        return f"{ns / 1000:.0f}{THIN}µs" if ns else f"0{THIN}ms"
    if ms < 9.95:
        return f"{ms:.1f}{THIN}ms"
    if ms < 999.5:
        return f"{ms:.0f}{THIN}ms"
    seconds = ns / NS_PER_S
    if seconds < 99.95:
        return f"{seconds:.2f}{THIN}s" if seconds < 9.995 else f"{seconds:.1f}{THIN}s"
    return span(round(seconds))


def span(seconds: int) -> str:
    """A whole number of seconds in at most two units."""
    if seconds < _MINUTE_S:
        return f"{seconds}{THIN}s"
    if seconds < _HOUR_S:
        minutes, rest = divmod(seconds, _MINUTE_S)
        return f"{minutes}{THIN}min" + (f" {rest:02d}{THIN}s" if rest and minutes < 10 else "")
    if seconds < 2 * _DAY_S:
        hours, rest = divmod(seconds // _MINUTE_S, _MINUTE_S)
        return f"{hours}{THIN}h" + (f" {rest:02d}{THIN}min" if rest else "")
    return f"{seconds // _DAY_S}{THIN}days"


def ago(then_ns: int, now_ns: int) -> str:
    seconds = round((now_ns - then_ns) / NS_PER_S)
    if seconds < 0:
        return f"in {span(-seconds)}"
    return "just now" if seconds < 2 else f"{span(seconds)} ago"


def count(n: float) -> str:
    """1,234 up to ten thousand, then 12.3 k, 4.5 M."""
    for limit, factor, letter in ((1e4, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M"), (1e12, 1e9, "G")):
        if abs(n) < limit:
            value = n / factor
            return f"{value:,.0f}" if factor == 1 else f"{value:.3g}{THIN}{letter}"
    return f"{n:.3g}"


def share(fraction: float) -> str:
    """0 %, 0.4 %, 12 %; less than a tenth of a per cent is said to be so."""
    percent = fraction * 100
    if percent == 0:
        return f"0{THIN}%"
    if abs(percent) < 0.1:
        return f"<0.1{THIN}%"
    return f"{percent:.1f}{THIN}%" if abs(percent) < 10 else f"{percent:.0f}{THIN}%"


def usd(dollars: float) -> str:
    """$0.0042, $1.23, $1,234: two figures below a dollar, cents above."""
    if dollars == 0 or not math.isfinite(dollars):
        return "$0" if dollars == 0 else "$–"
    if abs(dollars) < 1:
        dollars = float(f"{dollars:.1e}")
        decimals = min(8, 1 - math.floor(math.log10(abs(dollars)) + 1e-9))
        return f"${dollars:.{decimals}f}"
    return f"${dollars:,.2f}" if abs(dollars) < 1000 else f"${dollars:,.0f}"


def size(n_bytes: int) -> str:
    value = float(n_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g}{THIN}{unit}"
        value /= 1000
    return f"{value:.3g}{THIN}GB"


def quantity(value: float, unit: str) -> str:
    """A figure of a finding's summary in its own unit: ms, usd, tokens, chars, or whatever else it says."""
    match unit:
        case "ns":
            return duration(value)
        case "ms":
            return duration(value * NS_PER_MS)
        case "s":
            return duration(value * NS_PER_S)
        case "usd" | "USD" | "$":
            return usd(value)
        case "share" | "rate":
            return share(value)
        case _:
            figure = count(value) if abs(value) >= 10 else f"{value:.3g}"
            return f"{figure} {unit}".strip()


def ratio(value: float) -> str:
    return f"×{value:.2f}" if value < 10 else f"×{value:,.0f}"


def clock(ns: int, zone: tzinfo, now_ns: int) -> str:
    """14:02:11 for today, Nov 20, 14:02 for another day, with the year for another year."""
    at = datetime.fromtimestamp(ns / NS_PER_S, zone)
    today = datetime.fromtimestamp(now_ns / NS_PER_S, zone)
    if at.date() == today.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%b} {at.day}, {at:%H:%M}" if at.year == today.year else f"{at:%b} {at.day}, {at.year}, {at:%H:%M}"


def stamp(ns: int, zone: tzinfo) -> str:
    """The whole date and time, to the millisecond."""
    at = datetime.fromtimestamp(ns / NS_PER_S, zone)
    return f"{at:%Y-%m-%d %H:%M:%S}.{ns // NS_PER_MS % 1000:03d}"


def nanoseconds(at: datetime) -> int:
    """Unix time of a moment; one without a zone is UTC, as ClickHouse's are."""
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    whole = int(at.replace(microsecond=0).timestamp())
    return whole * NS_PER_S + at.microsecond * 1000
