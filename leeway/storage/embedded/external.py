"""External data: tables that come along with a query as the files of a multipart form, and live for it only.

chdb has no such thing. It has temporary tables, which a connection sees before all others: so the files become those.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from leeway.storage.embedded.engine import Connection, Engine, Insert, Progress, identifier
from leeway.storage.embedded.errors import BAD_ARGUMENTS, QueryRefused
from leeway.storage.embedded.statement import outer_parts

DEFAULT_FORMAT: Final = "TabSeparated"


@dataclass(frozen=True)
class Table:
    """One file of the form.

    Attributes:
        name: What the query calls it.
        structure: Its columns as CREATE TABLE has them.
        format: Of the data, by ClickHouse's name.
        data: The file, at its start.
    """

    name: str
    structure: str
    format: str
    data: IO[bytes]

    @property
    def definition(self) -> str:
        return f"CREATE TEMPORARY TABLE {identifier(self.name)} ({self.structure}\n) ENGINE = Memory"


def take(files: Mapping[str, IO[bytes]], params: MutableMapping[str, str]) -> tuple[Table, ...]:
    """The tables that a form's files stand for.

    Args:
        files: By the names of their fields.
        params: The request's parameters; `NAME_structure`, `NAME_types` and `NAME_format` are taken out of them, so
            that nobody reads them as settings.

    Raises:
        QueryRefused: A file has neither a structure nor types.
    """
    return tuple(
        Table(name, _structure(name, params), params.pop(f"{name}_format", "") or DEFAULT_FORMAT, data)
        for name, data in files.items()
    )


@contextmanager
def loaded(connection: Connection, tables: Sequence[Table], engine: Engine) -> Iterator[None]:
    """Let a connection see the tables.

    Raises:
        QueryRefused: A table cannot be made, or its data cannot be read.
    """
    made: list[Table] = []
    try:
        for table in tables:
            connection.run(table.definition)
            made.append(table)
            with engine.spool() as file:
                shutil.copyfileobj(table.data, file)
                file.flush()
                file.seek(0)
                insert = Insert(f"INSERT INTO {identifier(table.name)}", "", table.format, file)
                connection.insert(insert, {}, Progress())
        yield
    finally:
        for table in made:
            connection.run(f"DROP TEMPORARY TABLE {identifier(table.name)}")


def _structure(name: str, params: MutableMapping[str, str]) -> str:
    structure, types = params.pop(f"{name}_structure", ""), params.pop(f"{name}_types", "")
    if structure:
        return structure
    if not types:
        raise QueryRefused(
            BAD_ARGUMENTS,
            f"Neither structure nor types have been provided for external table {name}. "
            f"Use fields {name}_structure or {name}_types to do so. (BAD_ARGUMENTS)",
        )
    return ", ".join(f"_{at} {kind}" for at, kind in enumerate(outer_parts(types), 1))
