"""What evaluators said about a run: one line a judgement, next to the span that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leeway.dashboards import going
from leeway.dashboards.drawing import Node, div, el, short, text

Row = Mapping[str, Any]
COLUMNS: Final = ("Evaluation", "Score", "Label", "Why", "Of span")


def evaluations(rows: Sequence[Row], span_names: Mapping[str, str], limit: int) -> Node | None:
    """The picture; None where nothing was judged.

    Args:
        rows: Of `queries/run_evaluations.sql`, of which at most `limit` are drawn.
        span_names: The run's spans, id to name; a line about one of them is a click that selects it.
    """
    if not rows:
        return None
    head = el("tr", *(el("th", name, cls="num" if name == "Score" else "") for name in COLUMNS))
    body = [_row(row, span_names) for row in rows[:limit]]
    more = div(f"Only the first {limit:,} evaluations are shown.", cls="note-line") if len(rows) > limit else None
    return div(div(el("table", el("thead", head), el("tbody", *body)), cls="card scroll-x"), more)


def _row(row: Row, span_names: Mapping[str, str]) -> Node:
    about = span_names.get(row["span_id"])
    score = "–" if row["score"] is None else f"{row['score']:.4g}"
    label = row["label"] or ("failed" if row["error_type"] else "")
    why = row["explanation"] or row["error_type"]
    return el(
        "tr",
        el("td", text(short(row["name"] or "unnamed", 60), cls="strong"), cls="who"),
        el("td", score, cls="num"),
        el("td", text(short(label, 40), cls=f"chip {'bad' if row['error_type'] else 'muted'}") if label else "–"),
        el("td", short(why, 200) or "–", cls="small", tip=why[:600]),
        el("td", short(about, 60) if about else "the run", cls="small"),
        click=going.here(span=row["span_id"]) if about else "",
        data_test="evaluation",
    )
