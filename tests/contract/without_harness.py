"""An engine of the harness as a foreign emulator: its AWS APIs, and nothing below `/_harness`."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from harness.engine import Target

HIDDEN = "/_harness"

# A proxy's own (https://www.rfc-editor.org/rfc/rfc9110#field.connection), and what it answers itself.
_NOT_PASSED_ON = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "expect",
    "upgrade",
    "te",
    "trailer",
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # as many clients as an engine takes


@contextmanager
def without_harness(endpoint_url: str) -> Iterator[str]:
    """A proxy on the loopback interface in front of an engine; gives its URL.

    Everything is passed on unchanged, the Host header too, but for `/_harness*`, which is answered 404. Bodies are passed on
    when they are complete: no streams.
    """
    upstream = urlsplit(endpoint_url)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __getattr__(self, name: str):
            if name.startswith("do_"):
                return self._pass_on
            raise AttributeError(name)

        def _pass_on(self) -> None:
            body = self._body()
            if urlsplit(self.path).path.startswith(HIDDEN):
                self._answer(404, [("Content-Type", "text/plain")], b"404 page not found\n")
                return
            connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=120)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _NOT_PASSED_ON:
                        connection.putheader(name, value)
                if body or "Content-Length" in self.headers:
                    connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body)
                response = connection.getresponse()
                passed = [(n, v) for n, v in response.getheaders() if n.lower() not in _NOT_PASSED_ON]
                length = response.getheader("Content-Length", "0") if self.command == "HEAD" else None
                self._answer(response.status, passed, response.read(), length)
            finally:
                connection.close()

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass  # trailers
            return b"".join(chunks)

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if status >= 200 and status != 204:
                self.send_header("Content-Length", length or str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The test that sent the request reports the failure."""

    with _Server(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="without-harness", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def endpoint_without_harness(engine: Target) -> Iterator[str]:
    """The URL of this run's engine as a foreign emulator: `/_harness*` is hidden."""
    assert engine.endpoint_url is not None
    with without_harness(engine.endpoint_url) as url:
        yield url
