"""Bounds the connections to the gateway: idle ones, slow requests, unread responses.

**A connection in use is never closed.** An idle one stays open while there are few.
Twisted would close each after a minute, and a client that sends a call at that very moment learns that the connection is
closed, and not whether the call was done: AWS's SDKs retry, clients of the harness do not, so that a fault strikes once.

With more than `ConnectionLimits.open` connections, two things happen:

- The response to the next request on any connection says `Connection: close`, so its client does not use it again
  (https://www.rfc-editor.org/rfc/rfc9112#section-9.6). Nothing can be lost by this.
- For each new connection beyond the limit one is closed: the oldest without any request, else the one that has been idle for
  the longest. Clients take the connection that they used last, so this one is the least likely to be used
  again. One with something to read is not idle. What arrives after it is closed is never read, so it was not done: a
  retry is safe.

A request has to arrive: its head within HEAD_SECONDS, its body without a pause of BODY_SECONDS (each can be set by the
environment variable that names it below). Else the response is 408
and the connection is closed, as S3 does (RequestTimeout,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). If a client reads nothing of its response for
UNREAD_SECONDS, its connection is closed.

The engine uses as many file handles as the system allows. Without a free one, Twisted accepts and closes at once, so the
listener neither spins nor ends.
"""

import logging
import os
import resource
import select
import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rolo.serving.twisted import HeaderPreservingHTTPChannel, TwistedGateway
from twisted.internet import reactor as twisted_reactor
from twisted.internet import tcp
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from harness.emulator.patches import overrides, patched

LOG = logging.getLogger(__name__)

MAX_OPEN = 1024
MAX_HANDLES = 65_536
"""More would only make what closes all of them slow."""
BACKLOG = 512
"""How many connections wait to be accepted; Twisted's 50 are fewer than a burst of functions."""
HEAD_SECONDS = float(os.environ.get("HARNESS_REQUEST_HEAD_SECONDS") or 30)
BODY_SECONDS = float(os.environ.get("HARNESS_REQUEST_BODY_SECONDS") or 60)
UNREAD_SECONDS = float(os.environ.get("HARNESS_UNREAD_ANSWER_SECONDS") or 60)
LOOK_SECONDS = 1.0
TIMED_OUT = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 62\r\n\r\n"
    b"The request did not arrive in time. Send it again as a whole.\n"
)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`open` connections are kept however idle they are; from the file handle `scarce` on, handles are running out."""

    open: int
    scarce: int

    @classmethod
    def now(cls) -> "ConnectionLimits":
        handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        handles = MAX_HANDLES if handles == resource.RLIM_INFINITY else handles
        return cls(open=max(16, min(MAX_OPEN, handles // 4)), scarce=handles - max(16, handles // 8))


class ConnectionState(Enum):
    IDLE = "idle"
    ARRIVING = "arriving"
    IN_USE = "in use"


_Server: Any = tcp.Server  # its methods have no types
_failure: Any = Failure


@overrides(
    because="connections to the gateway are bounded, and one in use is never closed",
    source="https://www.rfc-editor.org/rfc/rfc9112#section-9.6",
)
class TcpConnection(_Server):
    """A client's connection, below TLS and HTTP."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.opened_at = self.received_at = self.sent_at = self.arriving_since = time.monotonic()
        self.arriving: object = None
        """The request of which a part has arrived, when it was last looked at."""
        self.unread_since: float | None = None
        """When a part of an answer was first seen waiting, and none was when it was last looked at."""
        CONNECTIONS.add(self)

    def _dataReceived(self, data: bytes) -> Any:  # noqa: N802 - Twisted's name
        self.received_at = time.monotonic()
        return super()._dataReceived(data)

    def writeSomeData(self, data: bytes) -> Any:  # noqa: N802 - Twisted's name
        written = super().writeSomeData(data)
        if isinstance(written, int) and written > 0:
            self.sent_at = time.monotonic()
        return written

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        CONNECTIONS.remove(self)
        super().connectionLost(reason)

    @property
    def active_at(self) -> float:
        return max(self.received_at, self.sent_at)

    @property
    def has_been_used(self) -> bool:
        return self.sent_at > self.opened_at

    @property
    def has_unsent(self) -> bool:
        return bool(self.dataBuffer or self._tempDataBuffer)

    @property
    def has_unread(self) -> bool:
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(0))

    def state(self) -> ConnectionState:
        channel = self.channel()
        if channel is None:
            # Nothing has been received.
            return ConnectionState.IDLE
        if not isinstance(channel, HeaderPreservingHTTPChannel):
            # A WebSocket; HTTP/2 between two requests.
            return ConnectionState.IDLE if getattr(channel, "streams", None) == {} else ConnectionState.IN_USE
        if channel._handlingRequest or self.has_unsent:
            return ConnectionState.IN_USE
        return ConnectionState.ARRIVING if channel.requests or channel._buffer else ConnectionState.IDLE

    def answer_is_unread(self, now: float) -> bool:
        """Whether the client takes nothing of its answer. To be asked again and again: it sees when one begins to wait.

        When it last sent something says nothing of that: the connection may have been idle until a moment ago.
        """
        if not self.has_unsent:
            self.unread_since = None
            return False
        if self.unread_since is None:
            self.unread_since = now
        return now - max(self.unread_since, self.sent_at) > UNREAD_SECONDS

    def channel(self) -> Any:
        """What speaks HTTP or WebSocket on it; None before anything was received."""
        protocol: Any = self.protocol
        while (wrapped := getattr(protocol, "wrappedProtocol", None)) is not None:
            if getattr(protocol, "_isInitialized", True) is False:
                return None
            protocol = wrapped
        return getattr(protocol, "_channel", protocol)

    def arrival_is_late(self, now: float) -> bool:
        """Whether a request has had its time to arrive. To be asked again and again: it sees when one begins."""
        if self.state() is not ConnectionState.ARRIVING:
            self.arriving = None
            return False
        channel = self.channel()
        request = channel.requests[-1] if channel.requests else "its first line"
        if request is not self.arriving:
            self.arriving, self.arriving_since = request, now
        has_head = channel._transferDecoder is not None and not channel.line_mode
        return now - (self.received_at if has_head else self.arriving_since) > (
            BODY_SECONDS if has_head else HEAD_SECONDS
        )


class TcpConnections:
    """All that are open; used in the reactor's thread alone."""

    def __init__(self) -> None:
        self._open: set[TcpConnection] = set()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: TcpConnection) -> None:
        self._open.add(connection)
        limits = ConnectionLimits.now()
        # The system gives the lowest number that is free, so this one shows how many are taken.
        scarce = connection.fileno() >= limits.scarce
        if scarce or len(self._open) > limits.open:
            self._make_room(connection, scarce)

    def remove(self, connection: TcpConnection) -> None:
        self._open.discard(connection)

    def are_many(self) -> bool:
        return len(self._open) > ConnectionLimits.now().open

    def look(self) -> None:
        """Close what takes too long."""
        now = time.monotonic()
        for connection in list(self._open):
            if connection.answer_is_unread(now):
                LOG.warning("%s is cut off: it reads nothing of its answer", connection.getPeer())
                connection.abortConnection()
            elif not connection.disconnecting and connection.arrival_is_late(now):
                channel = connection.channel()
                channel.transport.write(TIMED_OUT)
                channel.loseConnection()

    def _make_room(self, newest: TcpConnection, scarce: bool) -> None:
        candidates = [c for c in self._open if c is not newest and not c.disconnecting]
        # First those on which nothing was ever asked.
        candidates.sort(key=lambda each: (each.has_been_used, each.active_at))
        idle = (c for c in candidates if c.state() is ConnectionState.IDLE and not c.has_unread)
        # Requests of which only a part is here hold handles that others need.
        arriving = (c for c in candidates if scarce and c.state() is ConnectionState.ARRIVING)
        if (closed := next(idle, None) or next(arriving, None)) is not None:
            # At once: `loseConnection` would hold the handle until all that are there to be accepted are.
            closed.connectionLost(_failure(CONNECTION_DONE))


CONNECTIONS = TcpConnections()
"""Those of this process."""


def install() -> None:
    take_handles()
    reactor: Any = twisted_reactor

    @patched(
        reactor,
        "listenTCP",
        because="connections to the gateway are bounded, and one in use is never closed",
        source="https://www.rfc-editor.org/rfc/rfc9112#section-9.6",
        layer=2,
    )
    def listen_tcp(original: Any, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        listener = original(port, factory, max(backlog, BACKLOG), interface)
        listener.transport = TcpConnection
        return listener

    reactor.callFromThread(lambda: LoopingCall(CONNECTIONS.look).start(LOOK_SECONDS, now=False))

    @patched(
        TwistedGateway.__init__,
        because="connections to the gateway are bounded, and one in use is never closed",
        source="https://www.rfc-editor.org/rfc/rfc9112#section-9.6",
    )
    def init(original: Any, self: Any, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        self.timeOut = None

    @patched(
        HeaderPreservingHTTPChannel.checkPersistence,
        because="connections to the gateway are bounded, and one in use is never closed",
        source="https://www.rfc-editor.org/rfc/rfc9112#section-9.6",
    )
    def check_persistence(original: Any, self: Any, request: Any, version: Any) -> bool:
        persistent: bool = original(self, request, version)
        if persistent and CONNECTIONS.are_many():
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return persistent


def take_handles() -> None:
    """As many as the system lets this process have. Functions get AWS's number (`lambda_.zygote`)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_HANDLES if hard == resource.RLIM_INFINITY else min(MAX_HANDLES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as error:
            LOG.warning("the engine has %d file handles and cannot take more: %s", soft, error)
