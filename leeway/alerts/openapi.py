"""The OpenAPI document, made from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from leeway.alerts.routes import Route

_PARAMETER: Final = re.compile(r"\{(\w+)(?::path)?\}")
_REFERENCE: Final = "#/components/schemas/{model}"
_PROBLEM: Final = {
    "description": "A mistake, as RFC 9457 has it",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_PROBLEM_SCHEMA: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}


def document(routes: Sequence[Route], version: str, *, token: bool) -> dict[str, Any]:
    """OpenAPI 3.1.

    Args:
        token: Whether calls need a bearer token.
    """
    models = {model for r in routes for model in (r.query, r.body, r.answer) if model is not None}
    ordered = sorted(models, key=lambda m: m.__name__)
    schemas, definitions = models_json_schema(
        [(model, "serialization" if _is_answer(model, routes) else "validation") for model in ordered],
        ref_template=_REFERENCE,
    )
    by_model: dict[object, dict[str, Any]] = {model: schema for (model, _), schema in schemas.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(
            route, by_model, definitions.get("$defs", {}), token=token
        )
    components: dict[str, Any] = {"schemas": {**definitions.get("$defs", {}), "Problem": _PROBLEM_SCHEMA}}
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Leeway control API", "version": version},
        "paths": paths,
        "components": components,
    }


def _operation(
    route: Route, by_model: dict[object, dict[str, Any]], definitions: dict[str, Any], *, token: bool
) -> dict[str, Any]:
    answer = {"description": "Done"}
    if route.answer is not None:
        answer["content"] = {"application/json": {"schema": by_model[route.answer]}}  # type: ignore[assignment]
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.call.__name__,
        "responses": {str(route.status): answer, "default": _PROBLEM},
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]
    asked = _resolved(by_model[route.query], definitions)
    parameters += [
        {"name": name, "in": "query", "required": name in asked.get("required", ()), "schema": schema}
        for name, schema in asked.get("properties", {}).items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": by_model[route.body]}}}
    if token and not route.open:
        operation["security"] = [{"token": []}]
    return operation


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = definitions[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    return resolved


def _is_answer(model: type[BaseModel], routes: Sequence[Route]) -> bool:
    return any(route.answer is model for route in routes)
