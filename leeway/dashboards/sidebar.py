"""The sidebar: project, environment, time. What is chosen is kept in the address, so a link shows the same page."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from leeway.dashboards import address, reading
from leeway.dashboards.scope import WINDOWS, Extent, Scope, window
from leeway.dashboards.units import NS_PER_S, nanoseconds


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


def choose(*, moves: bool) -> Choice:
    """Draw the choices.

    Args:
        moves: Whether this page can read again by itself.

    Raises:
        Unavailable: ClickHouse does not answer.
    """
    zone = _zone()
    places = reading.rows("places")
    with st.sidebar:
        word = address.select(
            "Time",
            "range",
            list(WINDOWS)[1:],
            "auto",
            {name: label for name, (label, _) in WINDOWS.items()},
            help="Auto shows all runs, at most the last day that holds any.",
        )
        custom = _custom(zone) if word == "custom" else None
        project = address.select(
            "Project", "project", sorted({p["project"] for p in places}), labels={"": "All projects"}
        )
        environments = {p["environment"] for p in places if project in ("", p["project"])}
        environment = address.select(
            "Environment", "environment", sorted(environments), labels={"": "All environments"}
        )
        every = f"Reads again every {reading.settings().refresh_s:g} seconds."
        still = "A list of runs stands still while you look at it; reload to see what has come since."
        live = address.toggle("Live", "live", usual=True, help=every if moves else still, disabled=not moves)
    return Choice(word, custom, project, environment, live, zone)


def _custom(zone: tzinfo) -> tuple[int, int]:
    now = datetime.now(zone).replace(second=0, microsecond=0, tzinfo=None)
    start = address.moment("From", "from", now - timedelta(hours=1))
    end = address.moment("To", "to", now + timedelta(minutes=1))
    from_ns = nanoseconds(start.replace(tzinfo=zone))
    to_ns = nanoseconds(end.replace(tzinfo=zone))
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
