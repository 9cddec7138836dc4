"""Where settings come from: flags, then environment, then leeway.toml. Defaults are the rooms' own."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from leeway.runtime.mistake import Mistake

CONFIG_FILE: Final = Path("leeway.toml")


def env_name(key: str) -> str:
    """The environment variable of a key: `collector.spool_bytes_max` is LEEWAY_COLLECTOR_SPOOL_BYTES_MAX."""
    return "LEEWAY_" + key.replace(".", "_").upper()


def flag_name(key: str) -> str:
    """The flag of a key on its component's command: `collector.spool_bytes_max` is --spool-bytes-max."""
    return "--" + key.rsplit(".", 1)[-1].replace("_", "-")


@dataclass(frozen=True)
class Given:
    """What somebody wrote, and where, in the words in which they will find it again."""

    raw: object
    said: str
    """Such as `--grpc-port`, `LEEWAY_GRPC_PORT` or `grpc_port in leeway.toml`."""

    def mistake(self, right: str) -> Mistake:
        return Mistake(f"{self.said} is {self.raw!r}; it must be {right}")


@dataclass(frozen=True)
class Sources:
    """All that was said, before anybody asks what it means.

    Attributes:
        flags: Key to text.
        environment: The process's, whole.
        file: The parsed TOML, nested as written.
        path: Of the TOML file, for messages; None where there is none.
    """

    flags: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    file: Mapping[str, object] = field(default_factory=dict)
    path: Path | None = None

    def given(self, key: str) -> Given | None:
        """What was said for `key`, in order of precedence. An empty environment variable says nothing."""
        if key in self.flags:
            return Given(self.flags[key], flag_name(key))
        if self.environment.get(env_name(key)):
            return Given(self.environment[env_name(key)], env_name(key))
        value: object = self.file
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                return None
            value = value[part]
        return Given(value, f"{key} in {self.path}")

    def check_file(self, known: Iterable[str], elsewhere: Iterable[str] = ()) -> None:
        """Refuse keys of the file that nobody reads, which are most often misspelt.

        Args:
            known: Every key that may stand there; a key may hold a table.
            elsewhere: Sections that another component checks.

        Raises:
            Mistake: Naming the key, and the nearest that exists.
        """
        keys = set(known)
        for key in _leaves(self.file, keys):
            if key not in keys and key.split(".", 1)[0] not in set(elsewhere):
                near = difflib.get_close_matches(key, keys, 1, 0.5)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise Mistake(f"{key} in {self.path} is not a setting{hint}")


def _leaves(table: Mapping[str, object], keys: set[str], prefix: str = "") -> Iterator[str]:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key not in keys:
            yield from _leaves(value, keys, f"{key}.")
        else:
            yield key


def read_sources(flags: Mapping[str, str | None], config: str | None = None) -> Sources:
    """Flags that were given, this process's environment, and the TOML file.

    Args:
        flags: Key to text; None for a flag that was not given.
        config: Path of the TOML file; else LEEWAY_CONFIG, else ./leeway.toml where it exists.

    Raises:
        Mistake: The file was asked for and is missing, or it is not TOML.
    """
    asked = config or os.environ.get("LEEWAY_CONFIG")
    path = Path(asked) if asked else CONFIG_FILE
    table: dict[str, object] = {}
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if asked:
            raise Mistake(f"{'--config' if config else 'LEEWAY_CONFIG'} is {asked!r}; there is no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise Mistake(f"{path} cannot be read as TOML: {e}") from e
    return Sources({k: v for k, v in flags.items() if v is not None}, dict(os.environ), table, path)
