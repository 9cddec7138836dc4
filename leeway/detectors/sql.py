"""The named queries of this package."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

_INCLUDE: Final = re.compile(r"\{\{([a-z_]+)\}\}")


@cache
def query(name: str) -> str:
    """The text of `queries/{name}.sql`; `{{other}}` in it stands for the text of `queries/other.sql`."""
    text = files(__package__).joinpath(f"queries/{name}.sql").read_text("utf-8")
    return _INCLUDE.sub(lambda match: query(match.group(1)).strip(), text)
