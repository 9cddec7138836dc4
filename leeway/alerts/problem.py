"""Errors of the control API, as RFC 9457 has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from leeway.alerts.records import to_json

MEDIA_TYPE: Final = "application/problem+json"


class Problem(Exception):
    """An answer that is an error.

    Attributes:
        detail: For a person: what is wrong, and what would be right.
        errors: Field by field, where the request has several mistakes.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return Response(to_json(body), self.status.value, self.headers, MEDIA_TYPE)
