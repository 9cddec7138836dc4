"""What is drawn where: trees, layers, places; all of it plain data."""

from __future__ import annotations

import json
import re
from datetime import UTC
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway import storage
from leeway.dashboards import Settings, control, graph_picture, units
from leeway.dashboards.breaker_pictures import segments
from leeway.dashboards.drawing import div, short
from leeway.dashboards.graph import build, layout
from leeway.dashboards.heat import agents, grid
from leeway.dashboards.paths import compare
from leeway.dashboards.pictures import evidence_path, where
from leeway.dashboards.scope import AUTO_MAX_S, Extent, Scope, window
from leeway.dashboards.screens.overview import model_costs
from leeway.dashboards.screens.span import silence
from leeway.dashboards.settings import from_environment, to_environment
from leeway.dashboards.timeline import ticks
from leeway.dashboards.waterfall import lines
from leeway.model import Rejected

S = 1_000_000_000
NOW = 1_790_000_000 * S


def span(span_id: str, parent: str, start: int = 0, length: int = 10) -> dict[str, Any]:
    return {"span_id": span_id, "parent_span_id": parent, "start_ns": start, "duration_ns": length}


def test_a_waterfall_is_depth_first_by_start() -> None:
    spans = [span("a", ""), span("c", "a", 5), span("b", "a", 1), span("d", "b", 2)]
    drawn = lines(sorted(spans, key=lambda s: s["start_ns"]), {})
    assert [(line.span["span_id"], line.depth) for line in drawn] == [("a", 0), ("b", 1), ("d", 2), ("c", 1)]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 13), st.integers(0, 50), st.integers(-5, 50)), max_size=14)
)
def test_every_span_has_one_line_whatever_its_parents_claim(raw: list[tuple[int, int, int, int]]) -> None:
    spans = list({f"{i}": span(f"{i}", f"{p}" if p < 13 else "", s, n) for i, p, s, n in raw}.values())
    path = {s["span_id"]: 1 for s in spans[::2]}
    drawn = lines(spans, path)
    assert sorted(line.span["span_id"] for line in drawn) == sorted(s["span_id"] for s in spans)
    for line in drawn:
        assert all(a < b for a, b in line.held)
        assert bool(line.path_ns) == (line.span["span_id"] in path)


def test_the_path_in_a_span_leaves_out_what_its_children_held() -> None:
    spans = [span("root", "", 0, 100), span("call", "root", 20, 30), span("beside", "root", 10, 80)]
    root = next(line for line in lines(spans, {"root": 70, "call": 30}) if line.span["span_id"] == "root")
    assert root.held == ((0, 20), (50, 100))


def moment(agent: str, runs: int, failed: int) -> dict[str, Any]:
    return {
        "project": "default", "service_name": "desk", "agent_name": agent, "bucket_start_ns": NOW - 60 * S,
        "runs": runs, "failed": failed, "p95_ns": 1e9, "cost_usd": 0.0,
    }  # fmt: skip


def test_an_agent_that_failed_in_its_only_run_stands_below_one_that_fails_often() -> None:
    rows = [moment("once", 1, 1), moment("often", 50, 20), moment("well", 500, 0), moment("drifting", 9, 0)]
    found = [{"project": "default", "service_name": "desk", "agent_name": "drifting"}]
    assert [agent.name for agent in agents(rows, found)] == ["drifting", "often", "once", "well"]


def test_more_agents_than_fit_are_counted_on_the_page() -> None:
    scope = Scope("", "", NOW - 3600 * S, NOW, NOW, UTC)
    rows = agents([moment(f"agent-{i:04}", 10, i % 3) for i in range(2_000)], [])
    page = json.dumps(grid(scope, rows, "errors", 60 * S, rows_max=300).encoded(), ensure_ascii=False)
    assert page.count('"heat-row"') == 300
    assert "300 are shown, those with drifts and errors first; 1,700 more are left out" in page
    assert "left out" not in json.dumps(grid(scope, rows[:300], "errors", 60 * S, rows_max=300).encoded())


def calls(*edges: tuple[str, str, str, int]) -> list[dict[str, Any]]:
    return [
        {"service_name": "s", "caller": a, "kind": kind, "name": b, "calls": n, "runs": n} for a, kind, b, n in edges
    ]


def callers(*names: str) -> list[dict[str, Any]]:
    return [{"service_name": "s", "agent_name": name, "runs": 10, "failed": 0} for name in names]


def test_agents_stand_in_the_order_in_which_they_call_each_other() -> None:
    graph = build(
        calls(("a", "agent", "b", 5), ("b", "agent", "c", 5), ("c", "tool", "t", 9)), callers("c", "b", "a"), 60
    )
    column = {p.key: p.column for p in layout(graph) if not p.is_lane}
    assert [column["agent", n] for n in "abc"] == [0, 1, 2]
    assert column["tool", "t"] == 3


def test_agents_that_call_each_other_in_a_ring_still_have_places() -> None:
    ring = calls(("a", "agent", "b", 5), ("b", "agent", "c", 5), ("c", "agent", "a", 5), ("a", "agent", "a", 2))
    placed = layout(build(ring, callers("a", "b", "c"), 60))
    assert sorted(p.column for p in placed if not p.is_lane) == [0, 1, 2]


def test_a_chain_of_agents_longer_than_the_page_is_wide_is_drawn_closer_and_no_box_covers_another() -> None:
    names = [f"a{i:02}" for i in range(12)]
    chain = calls(
        *((a, "agent", b, 5) for a, b in pairwise(names)), ("boss", "agent", "clerk", 9), (names[-1], "tool", "t", 3)
    )
    placed = layout(build(chain, callers(*names, "boss", "clerk"), 60))
    column = {p.key[1]: p.column for p in placed if not p.is_lane}
    in_order = [column[name] for name in names]
    assert in_order == sorted(in_order)
    assert set(in_order) == {0, 1, 2, 3}
    assert column["t"] == 4
    assert (column["boss"], column["clerk"]) == (0, 1), "a short chain beside a long one still goes from left to right"
    assert graph_picture._x(1, 5) - graph_picture._x(0, 5) > graph_picture.BOX_W + 40


def test_a_span_whose_content_has_gone_is_not_called_silent() -> None:
    assert "does not record content" in silence(0)
    assert "3 attributes of this span are gone" in silence(3)
    assert "An attribute of this span is gone" in silence(1)


def test_the_same_calls_make_the_same_picture_in_whatever_order_they_come() -> None:
    edges = calls(("a", "agent", "b", 5), ("a", "model", "m", 7), ("b", "tool", "t", 3), ("b", "tool", "u", 3))
    one = layout(build(edges, callers("a", "b"), 60))
    other = layout(build(edges[::-1], callers("b", "a"), 60))
    assert [(p.key, p.column, p.row) for p in one] == [(p.key, p.column, p.row) for p in other]


def test_a_graph_that_is_too_large_says_how_much_it_leaves_out() -> None:
    graph = build(calls(("a", "tool", "t", 5)), callers("a", *(f"alone-{i}" for i in range(100))), 60)
    assert set(graph.nodes) == {("agent", "a"), ("tool", "t")}
    assert graph.left_out == 100


def test_versions_are_compared_run_by_run() -> None:
    rows = [
        {"version": "1", "kind": "tool", "name": "search", "held_ns": 100 * S},
        {"version": "2", "kind": "tool", "name": "search", "held_ns": 5 * S},
        {"version": "2", "kind": "tool", "name": "web", "held_ns": 12 * S},
    ]
    web, search = compare(rows, {"1": 100, "2": 10}, "1", "2")
    assert web.sentence("2").startswith("Since 2, web is on the path and adds 1.20")
    assert search.sentence("2").startswith("Since 2, search holds a run up 500")


def test_models_are_told_with_the_dearest_first_and_all_of_their_calls() -> None:
    def bucket(model: str, calls: int, cost_usd: float) -> dict[str, Any]:
        return {"model": model, "calls": calls, "cost_usd": cost_usd, "input_tokens": 10, "output_tokens": 1}

    drawn = repr(
        model_costs([bucket("", 1, 0.0), bucket("cheap", 5, 0.01), bucket("dear", 1, 2.0), bucket("dear", 2, 3.0)])
    )
    assert drawn.index("'dear'") < drawn.index("'cheap'") < drawn.index("'no model named'")
    assert "$5.00" in drawn


def test_a_breakers_states_cover_the_window() -> None:
    scope = Scope("", "", 0, 100 * S, 80 * S, UTC)
    moves = [{"at_ns": 20 * S, "to_state": "open"}, {"at_ns": 50 * S, "to_state": "closed"}]
    assert segments(moves, "closed", scope) == [("closed", 0.0, 0.2), ("open", 0.2, 0.5), ("closed", 0.5, 0.8)]


@pytest.mark.parametrize(("value", "place"), [(0, 0.0), (10, 0.5), (55, 0.75), (100, 1.0), (1e9, 1.0), (-3, 0.0)])
def test_a_quantile_stands_within_its_bin(value: float, place: float) -> None:
    assert where(value, [0, 10, 100]) == pytest.approx(place)


def test_auto_shows_all_runs_and_no_more_than_a_day() -> None:
    start, end = window("auto", NOW, Extent(NOW - 100 * S, NOW - S))
    assert (end - start) == 120 * S
    assert window("auto", NOW, Extent(NOW - 10**16, NOW))[0] >= NOW - AUTO_MAX_S * S


def test_auto_goes_to_where_a_replay_of_old_runs_ends() -> None:
    last = NOW - 500 * 86400 * S
    start, end = window("auto", NOW, Extent(last - 3600 * S, last))
    assert start <= last - 3600 * S < last < end < NOW - 499 * 86400 * S


def test_ticks_are_round_in_the_readers_own_zone() -> None:
    day = 86400 * S
    scope = Scope("", "", NOW - day, NOW, NOW, ZoneInfo("Asia/Kolkata"))
    assert all(label.endswith(":00") and int(label[:2]) % 3 == 0 for _, label in ticks(scope))


@pytest.mark.parametrize(
    ("made", "read"),
    [
        (units.duration(0), "0 ms"), (units.duration(820 * 10**6), "820 ms"), (units.duration(1240 * 10**6), "1.24 s"),
        (units.duration(123 * S), "2 min 03 s"), (units.duration(-5 * S), "−5.00 s"), (units.count(12_345), "12.3 k"),
        (units.count(999), "999"), (units.share(0.0004), "<0.1 %"), (units.share(0.123), "12 %"),
        (units.usd(0.0042), "$0.0042"),
        (units.usd(0.00000123), "$0.0000012"), (units.usd(1234), "$1,234"), (units.size(10_000_000), "10 MB"),
        (units.ratio(1.7), "×1.70"),
    ],
)  # fmt: skip
def test_figures_read_as_a_person_writes_them(made: str, read: str) -> None:
    assert made.replace(units.THIN, " ") == read


@given(st.text(max_size=400), st.integers(8, 60))
def test_a_long_name_is_cut_in_the_middle_to_its_limit(name: str, limit: int) -> None:
    cut = short(name, limit)
    assert len(cut) <= limit
    assert cut == name or (cut[:3] == name[:3] and "…" in cut)


def test_text_stays_text_on_its_way_to_the_browser() -> None:
    assert div("<script>", cls="x").encoded() == ["div", {"class": "x"}, ["<script>"], "", ""]


def test_settings_reach_the_child_whole() -> None:
    settings = Settings(clickhouse=storage.Settings(clickhouse_url="http://h:1"), port=7, min_baseline_runs=12)
    assert from_environment(to_environment(settings)) == settings
    with pytest.raises(Rejected, match="leeway dashboards"):
        from_environment({})


def test_a_person_must_say_who_and_why() -> None:
    assert control.missing("", " ") == "Please give your name and a reason: both are kept in the audit."
    assert control.missing("ada", "ticket 1") == ""


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, {"changed": True, "breaker": {"state": "closed"}, "reason": "by hand"}, "Done: the breaker is closed."),
        (200, {"changed": False, "breaker": {"state": "closed"}, "reason": "it is"}, "Nothing changed: it is."),
        (401, {}, "does not know these dashboards"), (404, {}, "do not know it"),
        (422, {"detail": "no reason"}, "Refused: no reason"),
        (503, {}, "cannot reach ClickHouse"), (500, {}, "answered 500"),
    ],
)  # fmt: skip
def test_every_answer_of_the_control_api_says_what_came_of_it(status: int, body: dict[str, Any], words: str) -> None:
    assert words in control.outcome(status, body).headline


def test_without_a_control_api_a_person_hears_that_nothing_was_changed() -> None:
    outcome = control.act(Settings(api_url="http://127.0.0.1:9"), "b", "close", "ada", "ticket 1")
    assert not outcome.done
    assert "nothing was changed" in outcome.headline
    assert "leeway alerts" in outcome.advice


@given(st.lists(st.tuples(st.integers(NOW, NOW + 60 * S), st.floats(-2, 9)), min_size=2, max_size=20))
def test_evidence_never_goes_back_in_time_though_runs_are_not_looked_at_in_the_order_of_their_ends(
    points: list[tuple[int, float]],
) -> None:
    picture = evidence_path(points, 1e8, Scope("", "", NOW, NOW + 60 * S, NOW + 60 * S, UTC))
    assert picture
    line = re.search(r'"points": "([^"]+)"', json.dumps(picture.encoded()))
    assert line
    xs = [float(point.split(",")[0]) for point in line[1].split()]
    assert len(xs) == len(points)
    assert xs == sorted(xs)
    assert (xs[0], max(xs) <= 100) == (0, True)
