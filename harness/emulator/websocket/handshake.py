"""Handshakes that are none are refused as RFC 6455 has it (section 4.4); in rolo they end in a 500 of Twisted's.

https://www.rfc-editor.org/rfc/rfc6455#section-4.4
"""

import base64
import json
from typing import Any

from rolo.serving.twisted import WebsocketResourceDecorator
from wsproto import ConnectionType, WSConnection
from wsproto.utilities import ProtocolError, RemoteProtocolError

from harness.emulator.patches import patched

UPGRADE_REQUIRED = 426


def install() -> None:
    @patched(
        WebsocketResourceDecorator.render,
        because="a handshake that is none ends in a 500 of Twisted",
        source="https://www.rfc-editor.org/rfc/rfc6455#section-4.4",
    )
    def render(original: Any, self: Any, request: Any) -> Any:
        upgrade = request.getHeader(b"upgrade") or b""
        if upgrade.isascii() and upgrade.lower() != b"websocket":
            return original(self, request)
        if (refusal := _refusal(request)) is None:
            return original(self, request)
        status, message = refusal
        request.setResponseCode(status)
        request.setHeader("Content-Type", "application/json")
        if status == UPGRADE_REQUIRED:
            request.setHeader("Sec-WebSocket-Version", "13")
        return json.dumps({"message": message}).encode()


def _refusal(request: Any) -> tuple[int, str] | None:
    """The status and the reason for a handshake that is none; found out on a connection that serves nothing else."""
    if not (request.getHeader(b"upgrade") or b"").isascii():
        return 400, "the header Upgrade is not in ASCII"
    if request.method != b"GET":
        return 400, "a WebSocket handshake is a GET request"
    headers = [(name, value) for name, values in request.requestHeaders.getAllRawHeaders() for value in values]
    connection = WSConnection(ConnectionType.SERVER)
    try:
        connection.initiate_upgrade_connection(headers, request.path)
        for _ in connection.events():
            pass
    except RemoteProtocolError as error:
        hinted = getattr(error.event_hint, "status_code", 400)
        return (UPGRADE_REQUIRED if hinted == UPGRADE_REQUIRED else 400), str(error)
    except (ProtocolError, UnicodeError, ValueError) as error:
        return 400, str(error)
    if not _is_key(request.getHeader(b"sec-websocket-key") or b""):
        return 400, "the header Sec-WebSocket-Key is not 16 bytes in base64"
    return None


def _is_key(text: bytes) -> bool:
    # wsproto takes any text.
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except ValueError:
        return False
