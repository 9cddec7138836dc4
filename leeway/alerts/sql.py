"""The named queries of this package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """The text of `queries/{name}.sql`."""
    return files(__package__).joinpath(f"queries/{name}.sql").read_text("utf-8")
