"""A collector's data folder: locked for one process, with the name under which it writes."""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Self

from leeway.collector.disk import Disk
from leeway.collector.journal import make_folder
from leeway.model import Rejected


class DataFolder:
    """The folder, for as long as it is open.

    Attributes:
        path: Where it is.
        disk: Whether it takes what is written.
        writer: This collector's name in the ledger, made once a folder.

    Raises:
        Rejected: Another process holds the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        make_folder(path)
        self.disk = Disk(path)
        self._lock = _locked(path / "lock")
        self.writer = _writer_id(path / "writer")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)


def _locked(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise Rejected(
            f"{path.parent} is in use by another collector (process {holder}); "
            "stop it, or give this one a data folder of its own"
        ) from e
    os.truncate(fd, 0)
    os.write(fd, str(os.getpid()).encode())
    return fd


def _writer_id(path: Path) -> str:
    with suppress(FileNotFoundError):
        if known := path.read_text("ascii").strip():
            return known
    made = f"collector-{secrets.token_hex(6)}"
    fresh = path.with_suffix(".new")
    fresh.write_text(made, "ascii")
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)
    return made
