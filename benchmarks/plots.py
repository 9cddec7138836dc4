"""The reports' pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

Chart = Any
"""Altair's own types do not follow its methods."""

COLOURS: Final = ("#3b6fb6", "#e08a2e", "#4f9d69", "#b5495b", "#7d6bb0", "#8a8f98")


def bars(
    rows: Sequence[Mapping[str, Any]], title: str, value: str, unit: str, by: str = "case", part: str = ""
) -> Chart:
    """Horizontal bars in the order of the rows, stacked by `part` where it is given."""
    order = list(dict.fromkeys(str(row[by]) for row in rows))
    data = pd.DataFrame(rows)
    base = alt.Chart(data, title=title).encode(
        y=alt.Y(f"{by}:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)),
        x=alt.X(f"{value}:Q", title=unit, stack="zero"),
    )
    if part:
        parts = list(dict.fromkeys(str(row[part]) for row in rows))
        scale = alt.Scale(domain=parts, range=list(COLOURS[: len(parts)]))
        drawn = base.mark_bar().encode(
            color=alt.Color(f"{part}:N", scale=scale, title=None), order=alt.Order("place:Q")
        )
        return _sized(drawn, len(order))
    text = base.mark_text(align="left", dx=4, fontSize=12).encode(text=alt.Text(f"{value}:Q", format=",.3~s"))
    return _sized(alt.layer(base.mark_bar(color=COLOURS[0]), text), len(order))


def dots(rows: Sequence[Mapping[str, Any]], title: str, value: str, unit: str, part: str, by: str = "case") -> Chart:
    """A line a case with a dot for each `part`, on a logarithmic axis."""
    order = list(dict.fromkeys(str(row[by]) for row in rows))
    parts = list(dict.fromkeys(str(row[part]) for row in rows))
    scale = alt.Scale(domain=parts, range=list(COLOURS[: len(parts)]))
    drawn = (
        alt.Chart(pd.DataFrame(rows), title=title)
        .mark_point(size=70, filled=True, opacity=1)
        .encode(
            y=alt.Y(f"{by}:N", sort=order, title=None, axis=alt.Axis(labelLimit=340, grid=True)),
            x=alt.X(f"{value}:Q", title=unit, scale=alt.Scale(type="log")),
            color=alt.Color(f"{part}:N", scale=scale, title=None),
            shape=alt.Shape(f"{part}:N", scale=alt.Scale(domain=parts), title=None),
        )
    )
    return _sized(drawn, len(order))


def lines(
    rows: Sequence[Mapping[str, float]], series: Mapping[str, str], unit: str, title: str = "", *,
    marks: Mapping[str, float] | None = None, log: bool = False, factor: float = 1.0,
) -> Chart:  # fmt: skip
    """Values over `at_s`.

    Args:
        series: Key in the rows, to the name that a person reads.
        marks: Moments to draw a rule at, by what happened then.
        factor: By which values are multiplied.
    """
    values = [
        {"at_s": row["at_s"], "what": name, "value": row.get(key, math.nan) * factor}  # no value is a gap in the line
        for key, name in series.items()
        for row in rows
    ]
    scale = alt.Scale(domain=list(series.values()), range=list(COLOURS[: len(series)]))
    drawn = (
        alt.Chart(pd.DataFrame(values))
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X("at_s:Q", title="seconds"),
            y=alt.Y("value:Q", title=unit, scale=alt.Scale(type="log") if log else alt.Scale(zero=True)),
            color=alt.Color("what:N", scale=scale, title=None, legend=None if len(series) == 1 else alt.Legend()),
        )
    )
    layers: list[Chart] = [drawn]
    if marks:
        moments = alt.Chart(pd.DataFrame([{"at_s": at_s, "text": text} for text, at_s in marks.items()]))
        layers.append(moments.mark_rule(strokeDash=[4, 3], color="#888").encode(x="at_s:Q"))
        named = moments.mark_text(align="left", dx=3, dy=-4, baseline="bottom", fontSize=10, color="#555")
        layers.append(named.encode(x="at_s:Q", y=alt.value(0), text="text:N"))
    return alt.layer(*layers).properties(width=720, height=150, title=title)


def stacked(charts: Sequence[Chart]) -> Chart:
    """One below the other, with one axis of time."""
    return alt.vconcat(*charts).resolve_scale(color="independent").configure(background="white", font="DejaVu Sans")


def _sized(chart: Chart, bars_count: int) -> Chart:
    sized = chart.properties(width=560, height=34 * bars_count)
    return sized.configure(background="white", font="DejaVu Sans")
