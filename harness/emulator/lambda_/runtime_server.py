"""Serves the Runtime API on a loopback port to the processes of one execution environment, and to no other.

The kernel says which process is connected (`harness.emulator.peers`). A secret in AWS_LAMBDA_RUNTIME_API would do as well,
but clients read that variable as `host:port`: `awslambdaric` 3.1 gives it to `http.client.HTTPConnection` when it
reports an error of the initialisation, and the Rust runtime takes it for a URI without a scheme, which can have no path.
"""

import errno
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.emulator.lambda_.runtime_api import MAX_RESPONSE_BYTES, RefusedError, RuntimeApi
from harness.emulator.lambda_.watch import WATCH
from harness.emulator.peers.processes import is_of_session

PREFIX = "/2018-06-01/runtime"
_OUTCOME = re.compile(rf"{PREFIX}/invocation/([^/]+)/(response|error)")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?\r?\n", re.DOTALL)
_LONGEST_LINE = 4096
_MOST_TRAILERS = 64
MAX_BODY_BYTES = 64 * 1024 * 1024
"""A longer body is not read to its end, so its sender finds the connection closed instead of an answer."""
NO_HANDLE_PAUSE_SECONDS = 0.05
BODY_SECONDS = 30.0
"""How long a body that has begun may stand still."""


class MalformedFramingError(Exception):
    """The framing of a request's body breaks the rules of HTTP/1.1."""


class RuntimeServer:
    """The server of an environment. Connections wait until `serve` says whose they may be."""

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._server = _Server(api)
        self._serving = False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def serve(self, session: int) -> None:
        """Answer the processes of this session, whose leader is the environment's first process."""
        self._server.session = session
        self._serving = True
        WATCH.add({self._server.fileno(): self._server.accept})

    def close(self) -> None:
        """Let go of the environment; its open request for the next event is dropped."""
        self._api.close()
        if self._serving:
            self._serving = False
            WATCH.remove(self._server.fileno())
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api
        self.session = 0
        self.socket.setblocking(False)

    def accept(self) -> bool:
        """Give a connection that is there a thread; whether there may be more."""
        try:
            connection, address = self.get_request()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                # It stays there, and would be found again at once.
                time.sleep(NO_HANDLE_PAUSE_SECONDS)
            # Else it went before it was taken, or the environment is closed.
            return self.socket.fileno() >= 0
        connection.setblocking(True)
        self.process_request(connection, address)
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A process that is killed resets its connection, and one that is stopped lets it stand still; the environment
        # learns of it by the process's end.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves in several writes; with Nagle's algorithm each warm invocation takes 40 ms longer.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server
    connection: socket.socket

    def handle(self) -> None:
        if is_of_session(self.server.session, self.client_address, self.connection.getsockname()):
            super().handle()
            return
        # Nothing of it is read; the rest makes sure that the answer arrives before the connection closes.
        self.requestline, self.request_version, self.command = "", self.protocol_version, ""
        self.close_connection = True
        self._refuse(
            HTTPStatus.FORBIDDEN,
            "Forbidden",
            "This Runtime API answers the processes of its execution environment only, and you are none of them.",
        )
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(1)
        self.connection.recv(_LONGEST_LINE)

    def do_GET(self) -> None:
        if self.path != f"{PREFIX}/invocation/next":
            return self._not_found()
        try:
            invocation = self.server.api.next_event()
        except RefusedError as error:
            return self._refuse(error.status, error.kind, str(error))
        if invocation is None:
            self.close_connection = True
            return None
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_header,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
        }
        if invocation.client_context is not None:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        return self._send(HTTPStatus.OK, invocation.payload, headers)

    def do_POST(self) -> None:
        try:
            body = self._body()
        except MalformedFramingError as error:
            self.close_connection = True
            return self._refuse(HTTPStatus.BAD_REQUEST, "InvalidRequest", f"The request's body is malformed: {error}.")
        outcome = _OUTCOME.fullmatch(self.path)
        try:
            if outcome:
                self.server.api.answer(outcome[1], body, is_error=outcome[2] == "error")
            elif self.path == f"{PREFIX}/init/error":
                self.server.api.fail_initialization(body)
            else:
                return self._not_found()
        except RefusedError as error:
            return self._refuse(error.status, error.kind, str(error))
        return self._send(HTTPStatus.ACCEPTED, b'{"status": "OK"}', {})

    def _body(self) -> bytes:
        """The body, cut just after the longest that a response may be."""
        self.connection.settimeout(BODY_SECONDS)
        try:
            kept, read = bytearray(), 0
            for piece in self._pieces():
                read += len(piece)
                if read > MAX_BODY_BYTES:
                    raise MalformedFramingError(f"it is longer than {MAX_BODY_BYTES} bytes")
                kept += piece[: MAX_RESPONSE_BYTES + 1 - len(kept)]
            return bytes(kept)
        finally:
            self.connection.settimeout(None)

    def _pieces(self) -> Iterator[bytes]:
        """https://www.rfc-editor.org/rfc/rfc9112#section-6"""
        lengths = set(self.headers.get_all("Content-Length", []))
        codings = [coding.strip().lower() for coding in self.headers.get_all("Transfer-Encoding", [])]
        if not codings:
            length = lengths.pop() if lengths else "0"
            if lengths or not re.fullmatch(r"[0-9]{1,15}", length):
                raise MalformedFramingError("its Content-Length is not one number")
            yield from self._exactly(int(length))
            return
        if codings != ["chunked"] or lengths:
            raise MalformedFramingError(
                "of Transfer-Encoding, only chunked is supported, and not together with a Content-Length"
            )
        while size := self._chunk_size():
            yield from self._exactly(size)
            if self.rfile.readline(3) not in (b"\r\n", b"\n"):
                raise MalformedFramingError("a chunk does not end where its size says")
        for _ in range(_MOST_TRAILERS):
            line = self.rfile.readline(_LONGEST_LINE)
            if line in (b"\r\n", b"\n"):
                return
            if not line.endswith(b"\n"):
                break
        raise MalformedFramingError("its trailers do not end")

    def _chunk_size(self) -> int:
        match = _SIZE.fullmatch(self.rfile.readline(_LONGEST_LINE))
        if match is None:
            raise MalformedFramingError("a chunk has no size in hexadecimal digits")
        return int(match[1], 16)

    def _exactly(self, count: int) -> Iterator[bytes]:
        while count:
            piece = self.rfile.read1(min(count, 1 << 16))
            if not piece:
                raise MalformedFramingError("it ends before the length that it says")
            count -= len(piece)
            yield piece

    def _not_found(self) -> None:
        self._refuse(HTTPStatus.NOT_FOUND, "NotFound", f"The Runtime API has no {self.command} {self.path}.")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What the standard library refuses: a request line, headers or a method that are not for this server."""
        status = HTTPStatus(code)
        self.close_connection = True
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, "The Runtime API knows GET and POST."
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            status = HTTPStatus.BAD_REQUEST
        self._refuse(status, "InvalidRequest", message or status.phrase)

    def _refuse(self, status: HTTPStatus, kind: str, message: str) -> None:
        self._send(status, json.dumps({"errorType": kind, "errorMessage": message}).encode(), {})

    def _send(self, status: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        closing = {"Connection": "close"} if self.close_connection else {}
        length = {"Content-Length": str(len(body))}
        for name, value in {"Content-Type": "application/json", **headers, **length, **closing}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of the standard library
        """The journal of invocations is elsewhere."""
