"""Is a port free? Asked before a component starts, so that the answer is one line and not a traceback."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from contextlib import closing

from leeway.runtime.mistake import Mistake
from leeway.runtime.sources import env_name


def check_free(wanted: Iterable[tuple[str, str, int]]) -> None:
    """Refuse ports that somebody else listens on, or that two of ours want.

    gRPC shares ports between processes unless told otherwise, so that a second collector would take half of the spans
    in silence; this finds it.

    Args:
        wanted: Key of the setting, host, port; port 0 is always free.

    Raises:
        Mistake: Naming the setting of the first port that cannot be had.
    """
    taken: dict[tuple[str, int], str] = {}
    for key, host, port in wanted:
        if port == 0:
            continue
        if (host, port) in taken:
            raise Mistake(f"{key} is {port}, and so is {taken[host, port]}; set {env_name(key)} to another port")
        taken[host, port] = key
        reason = _refused(host, port)
        if reason:
            raise Mistake(f"{key} is {port}: {reason}; set {env_name(key)} to another port, or stop what uses it")


def _refused(host: str, port: int) -> str:
    """Why nobody can listen there; empty when somebody can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as e:
        return f"{host} is not an address of this machine ({e.strerror or e})"
    with closing(socket.socket(family, kind, protocol)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as e:
            return "the port is in use" if e.errno == errno.EADDRINUSE else f"{host} cannot be bound ({e.strerror})"
    return ""
