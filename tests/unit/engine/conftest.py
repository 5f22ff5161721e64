"""Servers with configured responses."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Answer = tuple[int, str, str]
"""Status, content type, body."""
Answers = Mapping[str, Answer | Callable[[str, str], Answer]]
"""By the name that signs calls, or by path; "*" is all others. A function gets the request's method and path."""


def json_error(status: int, code: str, message: str) -> Answer:
    return status, "application/json", f'{{"__type": "{code}", "message": "{message}"}}'


def query_error(status: int, code: str, message: str) -> Answer:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return status, "text/xml", f"<ErrorResponse>{error}<RequestId>5686ea12</RequestId></ErrorResponse>"


@pytest.fixture
def serving() -> Iterator[Callable[[Answers], str]]:
    """`serving(answers)`: the URL of a server with these responses, which a test may change while it serves."""
    servers: list[ThreadingHTTPServer] = []

    def start(answers: Answers) -> str:
        class Server(BaseHTTPRequestHandler):
            def __getattr__(self, name: str):
                if name.startswith("do_"):
                    return self._answer
                raise AttributeError(name)

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                signed = re.search(r"/([a-z0-9-]+)/aws4_request", self.headers.get("Authorization", ""))
                answer = answers.get(signed[1] if signed else self.path) or answers["*"]
                status, content_type, body = answer(self.command, self.path) if callable(answer) else answer
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def version_string(self) -> str:
                return "fake/1.0"

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
