"""Settings: who wins, and how a mistake is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from leeway import storage
from leeway.runtime.components import COMPONENTS, DASHBOARDS, STORE, Component
from leeway.runtime.composition import DEFAULTS, SHARED, SHORT, compose, known_keys, settings_of, shared
from leeway.runtime.derivation import derived
from leeway.runtime.mistake import Mistake
from leeway.runtime.sources import Sources, env_name, read_sources
from leeway.runtime.values import Unfit, parse


@dataclass(frozen=True)
class Settings:
    clickhouse: storage.Settings = field(default_factory=storage.Settings)
    host: str = "127.0.0.1"
    http_port: int = 4318
    data: Path = Path()
    spool_bytes_max: int = 1 << 30
    """How much may wait on disk."""
    linger_s: float = 0.05
    style: Literal["fast", "safe"] = "safe"
    names: tuple[str, ...] = ()
    budget_ms: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.linger_s < 0:
            raise ValueError(f"collector.linger_s is {self.linger_s!r}; it must be 0 or more")


class Room(Component):
    def settings_class(self) -> type[Any]:
        return Settings


ROOM = Room("collector", "nowhere", "", (("http_port", ""),))


def sources(
    flags: dict[str, str] | None = None, env: dict[str, str] | None = None, toml: dict | None = None
) -> Sources:
    return Sources(flags or {}, env or {}, toml or {}, Path("leeway.toml"))


@pytest.mark.parametrize(
    ("flags", "env", "toml", "port"),
    [
        ({"http_port": "1"}, {"LEEWAY_HTTP_PORT": "2"}, {"http_port": 3}, 1),
        ({}, {"LEEWAY_HTTP_PORT": "2"}, {"http_port": 3}, 2),
        ({}, {"LEEWAY_HTTP_PORT": ""}, {"http_port": 3}, 3),
        ({}, {}, {}, 4318),
    ],
)
def test_flags_precede_environment_precedes_file_precedes_default(
    flags: dict, env: dict, toml: dict, port: int
) -> None:
    assert compose(ROOM, sources(flags, env, toml)).http_port == port


def test_a_components_own_host_precedes_the_general_one() -> None:
    said = sources(env={"LEEWAY_HOST": "10.0.0.1"}, toml={"collector": {"host": "0.0.0.0"}})
    assert compose(ROOM, said).host == "0.0.0.0"
    assert compose(ROOM, sources(env={"LEEWAY_HOST": "10.0.0.1"})).host == "10.0.0.1"


def test_all_data_is_below_one_folder() -> None:
    assert compose(ROOM, sources(env={"LEEWAY_DATA": "/x"})).data == Path("/x")
    assert compose(ROOM, sources()).data == Path("leeway-data")


def test_every_field_is_a_setting_and_sections_are_tables() -> None:
    toml = {
        "clickhouse_url": "http://ch:1",
        "clickhouse": {"connect_timeout_s": 2},
        "collector": {"names": ["a", "b"], "budget_ms": {"*": 3, "a/b": 4}, "spool_bytes_max": "2GiB", "style": "fast"},
    }
    made = compose(ROOM, sources(env={"LEEWAY_COLLECTOR_LINGER_S": "0.5"}, toml=toml))
    assert made.clickhouse == storage.Settings(clickhouse_url="http://ch:1", connect_timeout_s=2)
    assert (made.names, made.budget_ms) == (("a", "b"), {"*": 3, "a/b": 4})
    assert (made.spool_bytes_max, made.linger_s, made.style) == (2 << 30, 0.5, "fast")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (sources({"http_port": "x"}), "--http-port is 'x'; it must be a port number, 0 to 65535"),
        (
            sources(env={"LEEWAY_HTTP_PORT": "70000"}),
            "LEEWAY_HTTP_PORT is '70000'; it must be a port number, 0 to 65535",
        ),
        (sources(toml={"http_port": "x"}), "http_port in leeway.toml is 'x'; it must be a port number, 0 to 65535"),
        (sources(toml={"http_port": True}), "http_port in leeway.toml is True; it must be a port number, 0 to 65535"),
        (sources(toml={"http_prot": 1}), "http_prot in leeway.toml is not a setting; did you mean http_port?"),
        (
            sources(toml={"collector": {"spool_byte_max": 1}}),
            "collector.spool_byte_max in leeway.toml is not a setting; did you mean collector.spool_bytes_max?",
        ),
        (
            sources(toml={"colector": {"host": ""}}),
            "colector.host in leeway.toml is not a setting; did you mean collector.host?",
        ),
        (
            sources(env={"LEEWAY_COLLECTOR_SPOOL_BYTES_MAX": "2 GB"}),
            (
                "LEEWAY_COLLECTOR_SPOOL_BYTES_MAX is '2 GB'; "
                "it must be a whole number of bytes, or one with a unit such as 64MiB"
            ),
        ),
        (sources(env={"LEEWAY_COLLECTOR_LINGER_S": "nan"}), "LEEWAY_COLLECTOR_LINGER_S is 'nan'; it must be a number"),
        (sources(env={"LEEWAY_COLLECTOR_LINGER_S": "-1"}), "collector.linger_s is -1.0; it must be 0 or more"),
        (
            sources(toml={"collector": {"style": "odd"}}),
            "collector.style in leeway.toml is 'odd'; it must be one of fast, safe",
        ),
        (sources(toml={"collector": {"names": 3}}), "collector.names in leeway.toml is 3; it must be a list"),
        (sources(toml={"data": 3}), "data in leeway.toml is 3; it must be a path"),
    ],
)
def test_a_mistake_is_one_line_with_key_value_and_remedy(said: Sources, line: str) -> None:
    with pytest.raises(Mistake) as caught:
        compose(ROOM, said)
    assert str(caught.value) == line


def test_another_components_section_is_left_to_it() -> None:
    assert compose(ROOM, sources(toml={"alerts": {"whatever": 1}}))


@pytest.mark.parametrize(
    ("wanted", "raw", "value"),
    [
        (bool, "yes", True),
        (bool, "off", False),
        (int | None, "", None),
        (int | None, "3", 3),
        (Path | None, "/x", Path("/x")),
        (float, 3, 3.0),
        (tuple[int, ...], "1, 2", (1, 2)),
        (Mapping[str, int], "a=1,b=2", {"a": 1, "b": 2}),
        (str, "", ""),
    ],
)
def test_values(wanted: object, raw: object, value: object) -> None:
    assert parse("x", wanted, raw) == value


@pytest.mark.parametrize(
    ("wanted", "raw"),
    [
        (bool, "maybe"),
        (bool, 1),
        (int, 1.5),
        (int, True),
        (float, "inf"),
        (float, False),
        (str, 3),
        (Mapping[str, int], "a"),
    ],
)
def test_values_that_do_not_fit(wanted: object, raw: object) -> None:
    with pytest.raises(Unfit):
        parse("x", wanted, raw)


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"--config is '.*nowhere.toml'; there is no such file"):
        read_sources({}, str(tmp_path / "nowhere.toml"))


def test_a_file_that_is_not_toml_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "leeway.toml").write_text("a = [1\nb = 2\n")
    with pytest.raises(Mistake, match=r"cannot be read as TOML.*line 2"):
        read_sources({}, str(tmp_path / "leeway.toml"))


def test_the_dashboards_find_the_control_api_where_it_was_put() -> None:
    said = sources(env={"LEEWAY_API_PORT": "5000", "LEEWAY_HOST": "0.0.0.0"})
    assert derived(DASHBOARDS, said)["dashboards.api_url"] == "http://127.0.0.1:5000"


def test_the_dashboards_know_the_token_that_the_control_api_asks_for() -> None:
    said = sources(env={"LEEWAY_ALERTS_API_TOKEN": "secret"})
    assert compose(DASHBOARDS, said, derived(DASHBOARDS, said)).api_token == "secret"


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.name)
def test_every_room_can_be_composed_from_nothing(component: Component) -> None:
    made = compose(component, sources(), derived(component, sources()))
    assert dataclasses.is_dataclass(made)
    for setting in settings_of(component):
        if setting.key in DEFAULTS and setting.key not in ("data", "rules"):
            assert setting.default == shared(setting.key, sources()), f"{setting.key} has two defaults"


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.name)
def test_every_settings_limit_says_what_it_is_for(component: Component) -> None:
    bare = [s.key for s in settings_of(component) if not s.doc and s.key not in (*SHARED, *SHORT.values())]
    assert [key for key in bare if not key.endswith(("host", "port", "user", "url"))] == []


def test_no_two_keys_share_an_environment_variable() -> None:
    keys = known_keys() | {s.key for c in COMPONENTS for s in settings_of(c)}
    assert len({env_name(key) for key in keys}) == len(keys)


def test_the_store_asks_for_its_folder_by_the_general_setting() -> None:
    assert compose(STORE, sources(env={"LEEWAY_DATA": "/x", "LEEWAY_STORE_PORT": "1"})).data == Path("/x/store")
