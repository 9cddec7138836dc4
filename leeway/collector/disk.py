"""Whether the collector's own disk takes what is to be made durable: one word that every part of it shares."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

TRIAL_BYTES: Final = 64 * 1024


class Disk:
    """Told by whoever has just written; asked by whoever must say whether requests can be taken.

    Args:
        folder: Where to try it.

    Attributes:
        trouble: What the disk said when it was last asked for something and did not do it; empty when it did.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.trouble = ""

    def took(self) -> None:
        self.trouble = ""

    def failed(self, error: OSError) -> None:
        self.trouble = error.strerror or str(error)

    def try_again(self) -> None:
        """Find out whether the trouble is over, since nobody sends to a collector that is not ready."""
        trial = self._folder / "trial"
        try:
            try:
                trial.write_bytes(bytes(TRIAL_BYTES))
            finally:
                trial.unlink(missing_ok=True)
        except OSError as e:
            self.failed(e)
        else:
            log.info("disk.recovered")
            self.took()
