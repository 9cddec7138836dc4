"""`.sql` files of this package with their `{{placeholders}}` filled from `fragments/` and from given constants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\{\{([a-z_]+)(?::([a-z_.]+))?\}\}")


@cache
def read_sql(path: str) -> str:
    """The text of a packaged file, such as `migrations/0001_spans.sql`."""
    return files(__package__).joinpath(path).read_text("utf-8")


def render(sql: str, constants: Mapping[str, str]) -> str:
    """Fill `{{name}}` from `constants`, or else from `fragments/name.sql`, repeatedly; `{{name:word}}` also fills
    `{{word}}` inside the fragment.

    Raises:
        FileNotFoundError: A placeholder names neither a constant nor a fragment.
    """

    def fill(match: re.Match[str]) -> str:
        name, word = match.groups()
        text = constants[name] if name in constants else read_sql(f"fragments/{name}.sql").strip()
        return render(text, {**constants, "word": word} if word else constants)

    return _PLACEHOLDER.sub(fill, sql)
