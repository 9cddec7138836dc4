"""Files that somebody may change while we run: certificates that are renewed, tokens that come and go."""

from __future__ import annotations

from pathlib import Path


class Watched:
    """Remembers what files looked like when it was asked last."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._seen = self._look()

    def changed(self) -> bool:
        """Whether a file is another one, or has another length or time, than when this was asked last."""
        now = self._look()
        changed, self._seen = now != self._seen, now
        return changed

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_state(path) for path in self._paths]


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
