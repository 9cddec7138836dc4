"""`leeway token`: a token for a project's senders."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.text import Text

from leeway.collector import make_token

DAY_S = 86_400


def make(project: str, days: float | None) -> None:
    """Print a new token on one line and what the collector keeps of it on the next.

    Raises:
        Rejected: A project cannot be called that.
    """
    token, entry = make_token(project, None if days is None else time.time() + days * DAY_S)
    sys.stdout.write(f"{token}\n{entry}\n")
    sys.stdout.flush()
    hint = Console(stderr=True, highlight=False, soft_wrap=True)
    hint.print(Text("The first line is the token, for the sender. It is shown this once: nobody keeps it.", "yellow"))
    hint.print(
        "The second is for the collector: a line of the file that `tokens_file` names, or an item of `tokens` in the"
        " section [collector] of leeway.toml. Senders put the token into the header `authorization: Bearer …`, or"
        " `x-api-key`; most exporters take it from OTEL_EXPORTER_OTLP_HEADERS.",
        markup=False,
    )
