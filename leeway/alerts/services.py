"""What the handlers of the control API work with, and what an answer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from leeway.alerts.book import Book
from leeway.alerts.metrics import Metrics
from leeway.alerts.problem import Problem
from leeway.alerts.rulebook import Rulebook
from leeway.alerts.settings import Settings
from leeway.alerts.shapes import Health
from leeway.storage import Database

LIMIT_DEFAULT: Final = 100


@dataclass(frozen=True)
class Services:
    """Attributes:
    nudge: Makes the deliveries look at once.
    health: Whether the work goes on, and what there is to say about it.
    now_ns: The wall clock, or a test's.
    """

    db: Database
    book: Book
    rulebook: Rulebook
    metrics: Metrics
    settings: Settings
    nudge: Callable[[], None]
    health: Callable[[], Health]
    now_ns: Callable[[], int]


@dataclass(frozen=True)
class Call:
    """A request whose parts are what the route's table says they must be."""

    services: Services
    path: Mapping[str, str]
    query: Any
    body: Any
    headers: Mapping[str, str]

    def limit(self) -> int:
        """The rows that the answer may hold.

        Raises:
            Problem: More were asked for than one answer gives.
        """
        most = self.services.settings.page_rows_max
        asked: int = self.query.limit or min(LIMIT_DEFAULT, most)
        if asked > most:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"limit is {asked}; it must be {most} or less")
        return asked


@dataclass(frozen=True)
class Reply:
    """Attributes:
    content: A model or plain data for JSON, ready text, or None for no body.
    """

    content: BaseModel | Mapping[str, Any] | str | None
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
