"""Open connections, and closed ones.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localstack.http.websocket import WebSocket
from wsproto.connection import ConnectionState

from harness.emulator.websocket.apis import Api

IDLE_SECONDS = 600.0
"""Without a message either way a connection is closed after this time."""
LIFETIME_SECONDS = 7200.0
"""No connection is open for longer
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html)."""
MAX_REMEMBERED = 10_000
NORMAL, GOING_AWAY, UNSUPPORTED, TOO_LARGE = 1000, 1001, 1003, 1009


def new_token() -> str:
    """An id as API Gateway gives them to connections, requests and messages: 11 bytes in base64."""
    return secrets.token_urlsafe(11) + "="


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a connection ended: what the close frame said, and who wanted it (`harness.journal.records`, CONNECTION)."""

    code: int
    reason: str
    by: str


@dataclass(eq=False)
class WebSocketConnection:
    """One client's connection to a stage. `trace` is the root of its handshake's trace, `authorizer` what the authorizer
    said of the client."""

    api: Api
    stage: str
    source_ip: str
    user_agent: str | None
    trace: str
    connection_id: str = field(default_factory=new_token)
    connected_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    authorizer: dict[str, Any] | None = None
    received: int = 0
    closing: Closing | None = None
    """Set by the code that closes it; a client that disconnects sets nothing."""
    cause: Any = None
    """What of the journal had it closed."""
    _last_active: float = field(default_factory=time.time)
    _socket: WebSocket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def arn(self) -> str:
        return self.api.arn(self.stage)

    @property
    def last_active_at(self) -> datetime:
        return datetime.fromtimestamp(self._last_active, UTC)

    def open(self, accept: Any) -> WebSocket:
        """Accept the handshake. Nothing can be sent before it is answered, and everything after."""
        with self._lock:
            self._socket = accept()
            return self._socket

    def touch(self) -> None:
        self._last_active = time.time()

    def send(self, message: str | bytes) -> bool:
        """Send a message; False if the client has disconnected."""
        with self._lock:
            if self._socket is None or self.closing is not None or self._socket.socket.channel.closed:
                return False
            self._socket.send(message)
            self.touch()
            return True

    def close(self, closing: Closing, cause: Any = None) -> bool:
        """Close it from this side; False where it is closed already. Its end is served by the thread that reads from it."""
        with self._lock:
            if self._socket is None or self.closing is not None:
                return False
            self.closing, self.cause = closing, cause
            socket = self._socket
        socket.close(closing.code, closing.reason)
        return True

    def receive(self) -> str | bytes:
        """The next message. Raises WebSocketDisconnectedError at its end, and TimeoutError where nothing came in time: the
        caller looks then what is over."""
        assert self._socket is not None
        now = time.time()
        until = min(self._last_active + IDLE_SECONDS, self.connected_at.timestamp() + LIFETIME_SECONDS)
        event = self._socket.socket.receive(timeout=max(until - now, 0.001))
        self.touch()
        message: str | bytes = event.data
        return message

    @property
    def left_without_a_word(self) -> bool:
        """Whether the client's end came without a close frame; before the handshake was answered, too."""
        state = self._socket.socket.channel.wsproto.state if self._socket is not None else None
        return state in (ConnectionState.OPEN, ConnectionState.CONNECTING)

    def overdue(self) -> Closing | None:
        """What its time being over closes it with."""
        now = time.time()
        if now >= self.connected_at.timestamp() + LIFETIME_SECONDS:
            return lifetime_over()
        return idle() if now >= self._last_active + IDLE_SECONDS else None


def idle() -> Closing:
    return Closing(GOING_AWAY, "Going away", "idle")


def lifetime_over() -> Closing:
    return Closing(GOING_AWAY, "Going away", "lifetime")


class WebSocketConnections:
    """By id. Those that are closed are remembered by the ARN of their stage: a call about one is about that API still."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, WebSocketConnection] = {}
        self._gone: OrderedDict[str, str] = OrderedDict()

    def add(self, connection: WebSocketConnection) -> None:
        with self._lock:
            self._open[connection.connection_id] = connection

    def remove(self, connection: WebSocketConnection) -> None:
        with self._lock:
            self._open.pop(connection.connection_id, None)
            self._gone[connection.connection_id] = connection.arn
            if len(self._gone) > MAX_REMEMBERED:
                self._gone.popitem(last=False)

    def get(self, connection_id: str) -> WebSocketConnection | None:
        return self._open.get(connection_id)

    def of(
        self, api_id: str | None = None, stage: str | None = None, account_id: str | None = None
    ) -> list[WebSocketConnection]:
        """Those that are open: of an API, a stage, an account; of any, for None."""
        return [
            one
            for one in list(self._open.values())
            if api_id in (None, one.api.api_id)
            and stage in (None, one.stage)
            and account_id in (None, one.api.account_id)
        ]


CONNECTIONS = WebSocketConnections()
"""Those of this LocalStack process."""
