"""The pages' queries, by name."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

_SHARED: Final = re.compile(r"\{\{([a-z_]+)\}\}")


@cache
def query(name: str) -> str:
    """The text of `queries/{name}.sql`, with `{{other}}` filled from `queries/fragments/other.sql`."""
    folder = files(__package__).joinpath("queries")
    text = folder.joinpath(f"{name}.sql").read_text("utf-8")
    return _SHARED.sub(lambda m: folder.joinpath(f"fragments/{m[1]}.sql").read_text("utf-8").strip(), text)
