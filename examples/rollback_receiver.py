r"""A webhook receiver that rolls back: the smallest one that is safe to run.

It answers only to what Leeway signed (https://www.standardwebhooks.com), refuses what is old, and acts once however
often a message is sent. What "roll back" means is the `act` that you pass, or the command after `--` when it runs on
its own (the command reads the message from its standard input):

    LEEWAY_ROLLBACK_SECRET=whsec_... python examples/rollback_receiver.py --port 9099 -- \
        kubectl argo rollouts undo travel-desk

Answers: 204 done (or done before), 400 the body is not what Leeway sends, 401 not signed by us or older than five
minutes, 404 another path, 411 no length, 413 more than a megabyte, 500 the roll-back itself failed, so that Leeway
tries again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from standardwebhooks import Webhook, WebhookVerificationError

BODY_BYTES_MAX: Final = 1_000_000
IDS_MAX: Final = 10_000
"""Message ids that are remembered; a message is refused for its age long before its id is forgotten."""


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook whose signature was good and whose id is new."""

    id: str
    received_ns: int
    body: dict[str, Any]

    @property
    def bad_version(self) -> str:
        """The version whose breaker has opened, and which should serve no more; '' for every other message."""
        subject = self.body.get("subject")
        if self.body.get("type") != "breaker.opened" or not isinstance(subject, dict):
            return ""
        return str(subject.get("version", "")) if subject.get("kind") == "version" else ""


class RollbackReceiver:
    """An HTTP server on one path that calls `act` once for every new message. Start and stop it with `with`."""

    def __init__(
        self,
        secret: str,
        act: Callable[[Message], None],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        path: str = "/rollback",
    ) -> None:
        self._webhook = Webhook(secret)
        self._act = act
        self._path = path
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="receiver", daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{self._path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self) -> None:
        self._thread.join()

    def receive(self, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        """The status and the reason for one request."""
        received_ns = time.time_ns()
        headers = {name.lower(): value for name, value in headers.items()}
        try:
            self._webhook.verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError) as e:
            return 401, f"not verified: {e}"
        try:
            parsed = json.loads(body)
        except ValueError as e:
            return 400, f"not JSON: {e}"
        if not isinstance(parsed, dict):
            return 400, "not a JSON object"
        message = Message(headers["webhook-id"], received_ns, parsed)
        # One at a time: a resend that arrives while the first is at work must wait for its outcome.
        with self._lock:
            if message.id in self._seen:
                return 204, "seen before"
            try:
                self._act(message)
            except Exception as e:  # noqa: BLE001 - whatever failed, the sender shall know and try again
                return 500, f"{type(e).__name__}: {e}"
            self._seen[message.id] = None
            while len(self._seen) > IDS_MAX:
                self._seen.popitem(last=False)
        return 204, "done"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10

            def do_POST(self) -> None:
                status, reason = self._receive()
                self.send_response(status)
                if status == 204:
                    self.end_headers()
                    return
                text = f"{reason}\n".encode()
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(text)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(text)
                self.close_connection = True

            def _receive(self) -> tuple[int, str]:
                length = self.headers.get("Content-Length", "")
                if self.path != receiver._path:
                    return 404, f"post to {receiver._path}"
                if not length.isdigit():
                    return 411, "Content-Length is required"
                if int(length) > BODY_BYTES_MAX:
                    return 413, f"at most {BODY_BYTES_MAX} bytes"
                return receiver.receive(dict(self.headers.items()), self.rfile.read(int(length)))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
                """The caller of this class prints what matters."""

        return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description="Roll back when Leeway says so.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9099)
    parser.add_argument("command", nargs="*", help="what to run, with the message as its standard input")
    arguments = parser.parse_args()
    secret = os.environ.get("LEEWAY_ROLLBACK_SECRET", "")
    if not secret:
        parser.error("set LEEWAY_ROLLBACK_SECRET to the secret of the webhook in leeway-rules.yaml")

    def act(message: Message) -> None:
        verdict = f"roll back {message.bad_version}" if message.bad_version else "noted"
        print(f"{message.id}: {verdict}: {json.dumps(message.body)[:500]}", flush=True)
        if message.bad_version and arguments.command:
            subprocess.run(arguments.command, check=True, timeout=60, input=json.dumps(message.body).encode())

    with RollbackReceiver(secret, act, host=arguments.host, port=arguments.port) as receiver:
        print(f"listening on {receiver.url}", flush=True)
        try:
            receiver.wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
