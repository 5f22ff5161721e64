"""AWS's Runtime API, served to one execution environment.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PREFIX = "/2018-06-01/runtime"
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; AWS adds 100 bytes for its envelope."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for the environment. `deadline_ms` is in milliseconds since the epoch."""

    request_id: str
    function_arn: str
    payload: bytes
    trace_header: str
    deadline_ms: int
    client_context: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The runtime asked for its first event: initialisation is over."""


@dataclass(frozen=True, slots=True)
class InitError:
    """The runtime could not load the handler; `body` is the error as JSON."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the handler returned, or the error that it raised, as JSON."""

    request_id: str
    body: bytes
    is_error: bool
    ends_runtime: bool = False
    """The runtime is told that its answer is refused; AWS's clients end then."""


@dataclass(frozen=True, slots=True)
class Exited:
    """The environment's process ended; `status` is as `os.waitpid` gives it."""

    status: int


Happening = Ready | InitError | Answer | Exited


class RuntimeApi:
    """The server, on a loopback port of its own; `happenings` is what the environment tells, in order."""

    def __init__(self) -> None:
        self.happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        self.pending: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._server = _Server(self)
        # The poll interval is how long `shutdown` takes, nothing else waits for it.
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="lambda-runtime-api", daemon=True
        ).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Let go of the environment; its open request for the next event is dropped."""
        self.pending.put(None)
        threading.Thread(target=self._shut, name="lambda-runtime-api-close", daemon=True).start()

    def _shut(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A process that is killed resets its connection; the environment hears of it by the process's end.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves in several writes; with Nagle's algorithm each warm invocation takes 40 ms longer.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        if self.path != f"{PREFIX}/invocation/next":
            return self._answer(404, {"errorType": "NotFound", "errorMessage": f"unknown path {self.path}"})
        api = self.server.api
        api.happenings.put(Ready())
        invocation = api.pending.get()
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
        return self._send(200, invocation.payload, headers)

    def do_POST(self) -> None:
        body = self._body()
        happenings = self.server.api.happenings
        match self.path.removeprefix(PREFIX).strip("/").split("/"):
            case ["init", "error"]:
                happenings.put(InitError(body))
            case ["invocation", request_id, "response"] if len(body) > MAX_RESPONSE_BYTES:
                happenings.put(Answer(request_id, _too_large(), is_error=True, ends_runtime=True))
                return self._answer(413, {"errorType": "RequestEntityTooLarge", "errorMessage": "Response too large"})
            case ["invocation", request_id, "response"]:
                happenings.put(Answer(request_id, body, is_error=False))
            case ["invocation", request_id, "error"]:
                happenings.put(Answer(request_id, body, is_error=True))
            case _:
                return self._answer(404, {"errorType": "NotFound", "errorMessage": f"unknown path {self.path}"})
        return self._answer(202, {"status": "OK"})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        # Trailers, up to the empty line.
        while self.rfile.readline().strip():
            pass
        return body

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of the standard library
        """The journal of invocations is elsewhere."""


def _too_large() -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
    return json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}).encode()
