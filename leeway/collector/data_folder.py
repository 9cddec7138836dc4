"""A collector's data folder: locked for one process, with the name under which it writes."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from leeway.collector.disk import Disk
from leeway.collector.journal import make_folder
from leeway.model import Rejected

NAME_S_MAX: Final = 20 * 86_400.0
"""A name that is older gives way to a new one at the next start. The ledger forgets numbers after 30 days: under an old
name they would begin again, and readers, who have seen them, would pass over what is new."""


class DataFolder:
    """The folder, for as long as it is open.

    Attributes:
        path: Where it is.
        disk: Whether it takes what is written.
        writer: This collector's name in the ledger, made once a folder; anew once it is old and nothing waits under it.

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
    known = ""
    with suppress(FileNotFoundError):
        is_old = time.time() - path.stat().st_mtime > NAME_S_MAX
        known = path.read_text("ascii").strip()
        if known and not (is_old and not any(path.parent.glob("journal/*/*.batch"))):
            return known
    made = f"collector-{secrets.token_hex(6)}"
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(made, "ascii")
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        if not known:
            raise
        return known  # a full disk is no reason not to start
    return made
