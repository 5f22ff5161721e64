"""Requests as bytes: what a client library would refuse to send, or add to."""

import http.client
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


def send(
    endpoint_url: str,
    method: str,
    path: str,
    headers: Headers = (),
    body: bytes = b"",
    *,
    host: str | None = "",
    protocol: str = "HTTP/1.1",
) -> Answer:
    """Send this and nothing else. `host` is the engine's address where none is given; None sends no Host."""
    at = urlsplit(endpoint_url)
    lines = [f"{method} {path} {protocol}"]
    if host is not None:
        lines.append(f"Host: {host or at.netloc}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    if not any(name == "Connection" for name, _ in headers):
        lines.append("Connection: close")
    with socket.create_connection((at.hostname or "", at.port or 80), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return Answer(response.status, response.headers, response.read())
