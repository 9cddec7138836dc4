"""OTLP receivers of other people's making, which answer what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass
class Received:
    """Every request body, in the order of arrival, and what to say to the nth."""

    answer: Callable[[int], int] = lambda _: 0
    bodies: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, body: bytes) -> int:
        with self.lock:
            self.bodies.append(body)
            return self.answer(len(self.bodies) - 1)


@contextmanager
def grpc_receiver(received: Received) -> Iterator[str]:
    """The server of grpcio; `answer` is 0 or a status code's number. Yields `host:port`."""
    codes = {code.value[0]: code for code in grpc.StatusCode}

    class Servicer(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(  # noqa: N802 - gRPC's name
            self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
        ) -> ExportTraceServiceResponse:
            if code := received.take(request.SerializeToString()):
                context.abort(codes[code], "as the test says")
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)


@contextmanager
def http_receiver(received: Received) -> Iterator[str]:
    """Python's own HTTP server; `answer` is 0 for 200, a status, or -1 to hang up without one. Yields `host:port`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status = received.take(self.rfile.read(int(self.headers["content-length"])))
            if status < 0:
                self.close_connection = True
                return
            self.send_response(status or 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
