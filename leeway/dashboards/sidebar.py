"""The sidebar: project, environment, time. What is chosen is kept in the address, so a link shows the same page."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from leeway.dashboards import reading
from leeway.dashboards.scope import WINDOWS, Extent, Scope, window
from leeway.dashboards.units import NS_PER_S, nanoseconds

ALL = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen in the sidebar; `scope` says which moment of now it comes to."""

    word: str
    custom: tuple[int, int] | None
    project: str
    environment: str
    live: bool
    zone: tzinfo

    def scope(self) -> Scope:
        """The scope as of now; a live page asks again and again.

        Raises:
            Unavailable: ClickHouse does not answer.
        """
        now_ns = time.time_ns()
        from_ns, to_ns = self.custom or window(self.word, now_ns, _extent(self.project))
        return Scope(self.project, self.environment, from_ns, to_ns, now_ns, self.zone, self.live)


def choose() -> Choice:
    """Draw the choices.

    Raises:
        Unavailable: ClickHouse does not answer.
    """
    zone = _zone()
    places = reading.rows("places")
    with st.sidebar:
        word = st.selectbox(
            "Time", list(WINDOWS), format_func=lambda w: WINDOWS[w][0], key="range", bind="query-params",
            help="Auto shows all runs, at most the last day that holds any.",
        )  # fmt: skip
        custom = _custom(zone) if word == "custom" else None
        project = _choice("Project", "project", [p["project"] for p in places])
        environments = [p["environment"] for p in places if project in (ALL, p["project"])]
        environment = _choice("Environment", "environment", environments)
        live = st.toggle(
            "Live", value=True, key="live", bind="query-params",
            help=f"Reads again every {reading.settings().refresh_s:g} seconds.",
        )  # fmt: skip
    return Choice(str(word), custom, project, environment, live, zone)


def _choice(label: str, key: str, found: list[str]) -> str:
    """One of the names that the data know, or all; a name from the address stays, even if no run has it any more."""
    asked = str(st.session_state.get(key) or st.query_params.get(key, ALL))
    options = [ALL, *sorted({*found, asked} - {ALL})]
    picked = st.selectbox(
        label, options, format_func=lambda name: name or f"All {label.lower()}s", key=key, bind="query-params"
    )
    return str(picked or ALL)


def _custom(zone: tzinfo) -> tuple[int, int]:
    now = datetime.now(zone).replace(second=0, microsecond=0, tzinfo=None)
    start = st.datetime_input("From", now - timedelta(hours=1), key="from", bind="query-params", step=60)
    end = st.datetime_input("To", now + timedelta(minutes=1), key="to", bind="query-params", step=60)
    from_ns = nanoseconds((start or now - timedelta(hours=1)).replace(tzinfo=zone))
    to_ns = nanoseconds((end or now).replace(tzinfo=zone))
    if to_ns <= from_ns:
        st.warning("*To* lies before *From*; showing one minute.", icon=":material/schedule:")
        to_ns = from_ns + 60 * NS_PER_S
    return from_ns, to_ns


def _extent(project: str) -> Extent:
    row = reading.rows("extent", {"project": project})[0]
    return Extent(int(row["first_ns"]), int(row["last_ns"])) if row["runs"] else Extent()


def _zone() -> tzinfo:
    """The reader's own time zone, as the browser tells it."""
    try:
        return ZoneInfo(st.context.timezone) if st.context.timezone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
