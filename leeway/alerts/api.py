"""The control API's edge: from bytes to a `Call`, from a `Reply` or a failure to bytes. Handlers run in threads."""

from __future__ import annotations

import hmac
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import structlog
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from leeway.alerts.openapi import document
from leeway.alerts.problem import Problem
from leeway.alerts.records import to_json
from leeway.alerts.routes import ROUTES, Route
from leeway.alerts.services import Call, Reply, Services
from leeway.model import Rejected, Unavailable

JSON: Final = "application/json"

log = structlog.get_logger(__name__)


def application(services: Services, routes: Sequence[Route] = ROUTES) -> Starlette:
    """The ASGI application."""
    page = to_json(document(routes, version("leeway"), token=bool(services.settings.api_token)))
    by_path: dict[str, dict[str, Route]] = defaultdict(dict)
    for route in routes:
        by_path[route.path][route.method] = route
    answered = [
        StarletteRoute(path, _endpoint(services, path, methods), methods=[*methods])
        for path, methods in by_path.items()
    ]

    async def openapi(_request: Request) -> Response:
        return Response(page, media_type=JSON)

    answered.append(StarletteRoute("/openapi.json", openapi))
    return Starlette(routes=answered, exception_handlers={HTTPException: _http_exception, Exception: _crashed})


def _endpoint(services: Services, path: str, methods: dict[str, Route]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        route = methods["GET" if request.method == "HEAD" else request.method]
        try:
            _authorize(request, route, services.settings.api_token)
            call = Call(
                services,
                request.path_params,
                _validated(route.query, dict(request.query_params), "query"),
                await _body(request, route, services.settings.request_bytes_max),
                request.headers,
            )
            response = _respond(await run_in_threadpool(route.call, call))
        except Problem as e:
            response = e.response()
        except Unavailable as e:
            wait = {"retry-after": str(max(1, round(e.retry_after_s)))}
            response = Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(e), headers=wait).response()
        except Rejected as e:
            response = Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(e)).response()
        services.metrics.requests.labels(path, request.method, response.status_code).inc()
        return response

    return endpoint


def _authorize(request: Request, route: Route, token: str) -> None:
    if not token or route.open:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        headers = {"www-authenticate": 'Bearer realm="leeway"'}
        raise Problem(HTTPStatus.UNAUTHORIZED, "send Authorization: Bearer with the api_token", headers=headers)


async def _body(request: Request, route: Route, bytes_max: int) -> BaseModel | None:
    if route.body is None:
        return None
    # No page in a browser can send this content type to us unasked: a stranger's page cannot open a breaker.
    if request.headers.get("content-type", "").split(";", 1)[0].strip().lower() != JSON:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send the body as {JSON}", headers={"accept": JSON})
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > bytes_max:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body must be {bytes_max} bytes or less")
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError) as e:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {e}") from e
    return _validated(route.body, parsed, "body")


def _validated(model: type[BaseModel], raw: Any, where: str) -> BaseModel:  # noqa: ANN401 - whatever was sent
    try:
        return model.model_validate(raw)
    except ValidationError as e:
        errors = [
            {
                "where": ".".join([where, *(str(part) for part in error["loc"])]),
                "message": error["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1),
            }
            for error in e.errors()
        ]
        first = f"{errors[0]['where']}: {errors[0]['message']}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, first, errors=errors) from e


def _respond(reply: Reply) -> Response:
    if reply.content is None:
        return Response(status_code=reply.status.value, headers=dict(reply.headers))
    if isinstance(reply.content, str):
        text = reply.content
    else:
        plain = reply.content.model_dump(by_alias=True) if isinstance(reply.content, BaseModel) else reply.content
        text = to_json(plain)
    # Never from a cache: a state is worth nothing a moment later.
    return Response(text, reply.status.value, {"cache-control": "no-store", **reply.headers}, reply.media_type)


async def _http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what Starlette hands to this handler
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: "there is nothing at this path; /openapi.json lists what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: f"this path answers {(error.headers or {}).get('Allow', 'other methods')}",
    }.get(status, error.detail)
    return Problem(status, detail, headers=error.headers).response()


async def _crashed(request: Request, error: Exception) -> Response:
    log.error("api.crashed", path=request.url.path, method=request.method, exc_info=error)
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "this is a mistake of Leeway's; its log has the details"
    ).response()
