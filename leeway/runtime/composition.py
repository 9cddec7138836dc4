"""From what was said to each room's own `Settings`.

Every field of every room's dataclass is a setting: `[collector] request_bytes_max` in leeway.toml is
LEEWAY_COLLECTOR_REQUEST_BYTES_MAX in the environment and --request-bytes-max on `leeway collector`. Fields that several
rooms share, and the ports that everybody knows, have a short key of their own (`SHORT`).
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_type_hints

from leeway import storage
from leeway.model import LeewayError
from leeway.runtime.components import COMPONENTS, Component
from leeway.runtime.mistake import Mistake
from leeway.runtime.sources import Sources
from leeway.runtime.values import Unfit, parse

SHORT: Final[Mapping[str, str]] = {
    "store.port": "store_port",
    "collector.grpc_port": "grpc_port",
    "collector.http_port": "http_port",
    "alerts.api_port": "api_port",
    "alerts.rules": "rules",
    "alerts.retention": "retention",
    "dashboards.port": "dashboard_port",
    "dashboards.otlp_grpc_port": "grpc_port",
    "dashboards.otlp_http_port": "http_port",
    "clickhouse.clickhouse_url": "clickhouse_url",
}
"""Field to key, where it is not `section.field`."""

SHARED: Final[Mapping[str, str]] = {
    "data": "Folder for everything that Leeway keeps; each component has folders of its own in it.",
    "host": "Address to listen on. `[collector] host` and the like say it for one component only.",
    "log_level": "debug, info, warning or error.",
    "log_format": "auto (console for a terminal, else json), json or console.",
    "log_file_bytes_max": "`leeway up`: size at which a component's log file is rotated.",
    "log_files_max": "`leeway up`: log files kept of each component, the current one included.",
}
"""Keys that no room owns, and what they are for."""

DEFAULTS: Final[Mapping[str, object]] = {
    "data": Path("leeway-data"),
    "host": "127.0.0.1",
    "rules": Path("leeway-rules.yaml"),
    "retention": Path("leeway-retention.toml"),
    "store_port": 8123,
    "grpc_port": 4317,
    "http_port": 4318,
    "detectors.port": 4321,
    "api_port": 4320,
    "dashboard_port": 8501,
    "log_level": "info",
    "log_format": "auto",
    "log_file_bytes_max": 10 * 1024 * 1024,
    "log_files_max": 5,
}
"""Defaults of the contract, known without importing a room; a test holds them against the rooms' own."""

WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - to be replaced, not bound


@dataclass(frozen=True)
class Setting:
    """One field of a room's dataclass, seen from outside.

    Attributes:
        key: Where it stands in leeway.toml, such as `collector.spool_bytes_max` or `grpc_port`.
        general: A key to ask when `key` was not given; empty where there is none.
        path: Field names from the room's Settings down to it.
        wanted: Its type.
        default: `dataclasses.MISSING` where the field has none.
        doc: The docstring below the field.
    """

    key: str
    general: str
    path: tuple[str, ...]
    wanted: Any
    default: object
    doc: str


def settings_of(component: Component) -> tuple[Setting, ...]:
    """Every setting of a component, in the order of its dataclass."""
    return tuple(_fields(component.settings_class(), component.name, ()))


def known_keys() -> set[str]:
    """The keys outside any section, which are known without importing a room."""
    return set(SHARED) | {key for key in SHORT.values() if "." not in key}


def compose(component: Component, sources: Sources, derived: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - the room's own class
    """A component's Settings.

    Args:
        derived: Key to value, for what follows from other settings; it stands before the field's default.

    Raises:
        Mistake: A value cannot be used, or leeway.toml has a key that nobody reads.
    """
    settings = settings_of(component)
    sources.check_file({s.key for s in settings} | known_keys(), {c.name for c in COMPONENTS} - {component.name})
    values = {s.path: _value(component, s, sources, derived or {}) for s in settings}
    return _build(component.settings_class(), values, ())


def shared(key: str, sources: Sources) -> Any:  # noqa: ANN401 - text, number or path, as the key says
    """The value of a key that `SHARED` or `SHORT` lists, without any room.

    Raises:
        Mistake: It cannot be used.
    """
    given = sources.given(key)
    wanted = type(DEFAULTS[key])
    wanted = Path if issubclass(wanted, Path) else wanted
    if given is None:
        return DEFAULTS[key]
    try:
        return parse(key, wanted, given.raw)
    except Unfit as e:
        raise given.mistake(str(e)) from None


def reachable(host: str) -> str:
    """An address at which we reach what listens on `host`, ready for a URL."""
    host = "127.0.0.1" if host in WILDCARDS else host
    return f"[{host}]" if ":" in host else host


def _value(component: Component, setting: Setting, sources: Sources, derived: Mapping[str, object]) -> object:
    if setting.key == "data":
        return shared("data", sources) / component.folder
    given = sources.given(setting.key) or (sources.given(setting.general) if setting.general else None)
    if given is not None:
        try:
            return parse(setting.path[-1], setting.wanted, given.raw)
        except Unfit as e:
            raise given.mistake(str(e)) from None
    for key in (setting.key, setting.general):
        if key in derived or key in DEFAULTS:
            return derived.get(key, DEFAULTS.get(key))
    if setting.default is dataclasses.MISSING:
        raise Mistake(f"{setting.key} is missing; say it in leeway.toml or in the environment")
    return setting.default


def _build(kind: type[Any], values: Mapping[tuple[str, ...], object], path: tuple[str, ...]) -> Any:  # noqa: ANN401 - as compose
    arguments = {
        f.name: values[(*path, f.name)]
        if (*path, f.name) in values
        else _build(_class(kind, f.name), values, (*path, f.name))
        for f in dataclasses.fields(kind)
        if f.init
    }
    try:
        return kind(**arguments)
    except (LeewayError, ValueError) as e:
        raise Mistake(str(e)) from e


def _class(kind: type[Any], field: str) -> type[Any]:
    found: type[Any] = get_type_hints(kind)[field]
    return found


def _fields(kind: type[Any], section: str, path: tuple[str, ...]) -> list[Setting]:
    hints = get_type_hints(kind)
    docs = _docs(kind)
    found: list[Setting] = []
    for f in dataclasses.fields(kind):
        if not f.init:
            continue
        wanted, place = hints[f.name], (*path, f.name)
        if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
            found += _fields(wanted, "clickhouse" if wanted is storage.Settings else f"{section}.{f.name}", place)
            continue
        default = f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
        name = f"{section}.{f.name}"
        key = "data" if f.name == "data" else SHORT.get(name, name)
        general = "host" if f.name == "host" else ""
        found.append(Setting(key, general, place, wanted, default, docs.get(f.name, "")))
    return found


def _docs(kind: type[Any]) -> dict[str, str]:
    """What a dataclass says of its fields: below them, which Python itself forgets, or in its `Attributes:`."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - narrows the type: that is what getsource gives
    docs = _attributes(inspect.getdoc(kind) or "")
    for field, text in zip(body.body, body.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name] = inspect.cleandoc(doc)
    return docs


def _attributes(docstring: str) -> dict[str, str]:
    """The entries of a docstring's `Attributes:`, several names of one entry told apart."""
    docs: dict[str, str] = {}
    _, _, section = docstring.partition("Attributes:\n")
    margin = len(section) - len(section.lstrip(" "))
    names: list[str] = []
    for line in section.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        head, colon, rest = line.strip().partition(": ")
        if not line.strip() or indent < margin:
            break
        if indent == margin and colon:
            names = [name.strip() for name in head.split(",")]
            docs |= dict.fromkeys(names, rest)
        else:
            docs |= {name: f"{docs[name]} {line.strip()}" for name in names}
    return docs
