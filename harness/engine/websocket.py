"""A client of WebSocket APIs that makes its messages traceable.

The handshake carries a trace, as every request does. Later messages carry nothing, so each connection has a separate
trace and identifies by marks what it did there: `handshake:<trace>` when it is open, `frame:<trace>:<number>` for its
numbered messages, `connection:<trace>` for its end. So a message belongs to the trace in which it was sent, whenever the
connection was opened (`tracing.claim`).
"""

from threading import Lock
from typing import Any

from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

from harness.engine import tracing
from harness.engine.target import is_this_machine

OPEN_SECONDS = 30.0


class WebSocket(ClientConnection):
    """A connection of the library `websockets` (https://websockets.readthedocs.io/en/stable/reference/sync/client.html)."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._trace = ""
        self._sent = 0
        self._counting = Lock()
        super().__init__(*arguments, **settings)

    @classmethod
    def open(cls, url: str, *, headers: dict[str, str] | None = None, **settings: Any) -> "WebSocket":
        """Connect to `ws://...` or `wss://...`. `settings` are additional ones of `websockets.sync.client.connect`.

        Raises websockets.InvalidStatus if the handshake is refused, with the response as its `response`.
        """
        trace = tracing.new_root()
        tracing.claim(f"handshake:{trace}")
        settings = {
            "open_timeout": OPEN_SECONDS,
            # Unread messages must not block the response to a ping.
            "max_queue": None,
            # Proxies are for other machines.
            "proxy": None if is_this_machine(url) or url.startswith("ws:") else True,
            **settings,
        }
        traced = {tracing.HEADER: f"Root={trace};Sampled=1", **(headers or {})}
        # Entered immediately: from version 17.1 on the library warns about an unentered connection, and later versions refuse it.
        opened = connect(url, additional_headers=traced, create_connection=cls, **settings).__enter__()
        assert isinstance(opened, cls)
        opened._trace = trace
        return opened

    def send(self, *arguments: Any, **settings: Any) -> None:
        """Send a message. Raises websockets.ConnectionClosed."""
        with self._counting:
            super().send(*arguments, **settings)
            self._sent += 1
            tracing.claim(f"frame:{self._trace}:{self._sent}")

    def close(self, *arguments: Any, **settings: Any) -> None:
        """Close the connection, and wait until the other side has closed it."""
        if self.state is State.OPEN and self._trace:
            tracing.claim(f"connection:{self._trace}")
        super().close(*arguments, **settings)
