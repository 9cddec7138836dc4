"""Somebody who looks at the dashboards: opens page after page as a browser does, over Streamlit's own socket, and draws
nothing, so that a browser's CPU is not part of what is measured.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Final

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PAGES: Final = ("", "runs", "orchestration", "drift", "breakers")
PATIENCE_S: Final = 60.0


@dataclass
class Visits:
    """What was seen.

    Attributes:
        took_s: Of each page, until all of it had arrived.
        bytes_read: Of all pages.
        failures: Pages that did not come, or came with an exception, in short.
    """

    took_s: list[float] = field(default_factory=list)
    bytes_read: int = 0
    failures: list[str] = field(default_factory=list)


class Visitor:
    """Opens the next page every `every_s`, in a thread of its own, until `leave`.

    Args:
        url: Of the dashboards.
    """

    def __init__(self, url: str, every_s: float) -> None:
        self._url, self._every_s = url, every_s
        self.visits = Visits()
        self._gone = threading.Event()
        self._thread = threading.Thread(target=self._stay, name="visitor", daemon=True)
        self._thread.start()

    def leave(self) -> Visits:
        """Returns what was seen."""
        self._gone.set()
        self._thread.join(PATIENCE_S)
        return self.visits

    def _stay(self) -> None:
        while not self._gone.is_set():
            try:
                address = f"{self._url.replace('http', 'ws', 1)}/_stcore/stream"
                with connect(
                    address,
                    subprotocols=[Subprotocol("streamlit")],
                    origin=None,
                    max_size=None,
                    open_timeout=PATIENCE_S,
                ) as socket:
                    self._look_around(socket)
            except (OSError, WebSocketException) as e:
                self.visits.failures.append(f"{type(e).__name__}: {e}"[:200])
                self._gone.wait(self._every_s)

    def _look_around(self, socket: ClientConnection) -> None:
        n = 0
        while not self._gone.wait(self._every_s):
            began_s = time.monotonic()
            if failure := self._open(socket, PAGES[n % len(PAGES)]):
                self.visits.failures.append(failure)
            else:
                self.visits.took_s.append(time.monotonic() - began_s)
            n += 1

    def _open(self, socket: ClientConnection, page: str) -> str:
        """Read a page to its end; returns what went wrong, or nothing."""
        ask = BackMsg()
        ask.rerun_script.page_name = page
        socket.send(ask.SerializeToString())
        failure = ""
        deadline_s = time.monotonic() + PATIENCE_S
        while (left_s := deadline_s - time.monotonic()) > 0:
            data = socket.recv(timeout=left_s)
            assert isinstance(data, bytes)
            self.visits.bytes_read += len(data)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "page_not_found":
                failure = f"no page {page!r}"
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                failure = f"{page}: {message.delta.new_element.exception.message}"[:200]
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return failure
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                return f"{page}: does not compile"
        return f"{page}: not there after {PATIENCE_S:.0f} s"
