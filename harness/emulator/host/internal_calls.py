"""Serves the calls that one service of the engine makes to another in the thread that makes them.

LocalStack 4.14.0 sends them to itself over HTTP: each client keeps the connections of its busiest moment open (184 after
load), and each call holds a second thread, that of the gateway. Its own shortcut (`IN_MEMORY_CLIENT`) passes parsed
parameters instead of bytes and does not support S3. Here a call goes through the same WSGI application as a request from outside,
as the bytes that botocore would have sent.
"""

import io
from collections.abc import Iterable, Iterator
from contextvars import Context
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from localstack import config
from localstack.aws.connect import InternalClientFactory
from localstack.runtime import get_current_runtime
from rolo.gateway.wsgi import WsgiGateway

from harness.emulator.patches import patched

LOCAL_NAMES = ("localhost", "127.0.0.1", "localhost.localstack.cloud")
LOCAL_SUFFIXES = (".localhost", ".localhost.localstack.cloud")
EVENT_STREAM = "application/vnd.amazon.eventstream"

Headers = list[tuple[str, str]]


def install() -> None:
    @patched(
        InternalClientFactory._get_client_post_hook,
        because="LocalStack's services call one another over HTTP, each client with connections of its own",
    )
    def make_client(original: Any, self: Any, client: Any) -> Any:
        client = original(self, client)
        client.meta.events.register("before-send.*.*", handler=serve)
        return client


def serve(request: AWSPreparedRequest, **_options: Any) -> AWSResponse | None:
    """Answer a call to this engine; None, which has botocore send it, for one to anything else."""
    if not is_own(request.url):
        return None
    status, headers, body = _call(WsgiGateway(get_current_runtime().components.gateway), environ_of(request))
    return AWSResponse(request.url, status, HTTPHeaders.from_pairs(headers), _Body(body))


def is_own(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = host in LOCAL_NAMES or host.endswith(LOCAL_SUFFIXES)
    return local and parts.port in {address.port for address in config.GATEWAY_LISTEN}


def environ_of(request: AWSPreparedRequest) -> dict[str, Any]:
    """The request as the web server would hand it to the gateway."""
    parts = urlsplit(request.url)
    body = _bytes_of(request.body)
    headers = [(name, _text_of(value)) for name, value in request.headers.items()]
    names = {name.lower() for name, _ in headers}
    if "transfer-encoding" in names:
        headers = [(name, value) for name, value in headers if name.lower() != "transfer-encoding"]
    if "content-length" not in names and (body or request.method in ("POST", "PUT")):
        headers.append(("Content-Length", str(len(body))))
    if "host" not in names:
        headers.append(("Host", parts.netloc))
    raw = parts.path or "/"
    uri = f"{raw}?{parts.query}" if parts.query else raw
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "RAW_URI": uri,
        "REQUEST_URI": uri,
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "rolo.headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _call(application: WsgiGateway, environ: dict[str, Any]) -> tuple[int, Headers, Iterable[bytes]]:
    answered: list[tuple[int, Headers]] = []

    def start_response(status: str, headers: Headers, _error: Any = None) -> Any:
        answered.append((int(status.split(" ", 1)[0]), headers))
        return lambda _data: None

    # A separate context, as a thread of the web server has: what the call sets must not reach the caller.
    chunks: Any = Context().run(application, environ, start_response)
    status, headers = answered[-1]
    if any(value.startswith(EVENT_STREAM) for name, value in headers if name.lower() == "content-type"):
        return status, headers, chunks
    try:
        # All of it now: an object of S3 is locked until its body is read.
        return status, headers, [b"".join(chunks)]
    finally:
        if (close := getattr(chunks, "close", None)) is not None:
            close()


class _Body(io.RawIOBase):
    """An answer's body as botocore reads it: in one piece, by the number of bytes, or as it comes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._iterator = iter(chunks)
        self._rest = b""

    def stream(self, *_args: Any, **_options: Any) -> Iterator[bytes]:
        if self._rest:
            rest, self._rest = self._rest, b""
            yield rest
        yield from self._iterator

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = next(self._iterator)
            except StopIteration:
                return 0
        given, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)

    def read(self, amt: int | None = None, **_options: Any) -> bytes:
        """`amt` is urllib3's name, which botocore's StreamingBody uses."""
        if amt is None or amt < 0:
            return b"".join(self.stream())
        return super().read(amt) or b""

    def close(self) -> None:
        if not self.closed and (close := getattr(self._chunks, "close", None)) is not None:
            close()
        super().close()


def _bytes_of(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    read: bytes | str = body.read()
    return read.encode() if isinstance(read, str) else read


def _text_of(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
