"""Queries for the pages: named files, parameters bound by the server, answers kept for a few seconds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import polars as pl
import streamlit as st
import structlog

from leeway.dashboards.settings import Settings, from_environment
from leeway.dashboards.sql import query
from leeway.model import Rejected
from leeway.storage import Database, migrate
from leeway.storage.search import Found, Wanted, find_traces

log = structlog.get_logger("leeway.dashboards")

FRESH_S: Final = 2.0
"""How long an answer is shown again without asking: two people on one page cost one query."""


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    return from_environment(os.environ)


@st.cache_resource(show_spinner=False)
def database() -> Database:
    """One for all sessions; not kept when ClickHouse did not answer, so that the next page tries again."""
    db = Database(settings().clickhouse, nice=settings().nice)
    try:
        migrate(db)
    except Rejected as refusal:
        # A user who may only read is a good idea here; if the tables are missing, the page says so.
        log.warning("dashboards.schema_not_checked", reason=str(refusal))
    return db


def frame(name: str, parameters: Mapping[str, object] | None = None) -> pl.DataFrame:
    """The answer of `queries/{name}.sql` as a polars frame, at most `FRESH_S` old.

    Raises:
        Unavailable: ClickHouse does not answer.
    """
    return _frame(name, tuple(sorted((parameters or {}).items())))


def rows(name: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
    """The answer of `queries/{name}.sql` as dictionaries, at most `FRESH_S` old; for nested values."""
    return _rows(name, tuple(sorted((parameters or {}).items())))


def found(wanted: Wanted) -> Found:
    """The newest runs with such a span, at most `search_runs_max`, at most `FRESH_S` old."""
    return _found(wanted, settings().search_runs_max)


def forget() -> None:
    """Ask again next time: something has just been changed."""
    _frame.clear()
    _rows.clear()
    _found.clear()


@st.cache_data(ttl=FRESH_S, max_entries=500, show_spinner=False)
def _frame(name: str, parameters: tuple[tuple[str, object], ...]) -> pl.DataFrame:
    return database().frame(query(name), dict(parameters))


@st.cache_data(ttl=FRESH_S, max_entries=500, show_spinner=False)
def _rows(name: str, parameters: tuple[tuple[str, object], ...]) -> list[dict[str, Any]]:
    return database().rows(query(name), dict(parameters))


@st.cache_data(ttl=FRESH_S, max_entries=100, show_spinner=False, hash_funcs={Wanted: repr})
def _found(wanted: Wanted, traces_max: int) -> Found:
    return find_traces(database(), wanted, traces_max)
