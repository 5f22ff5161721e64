"""Records what happens on connections (`harness.journal.records`: REQUEST, FRAME, CONNECTION, DECISION)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.emulator.journal import payloads
from harness.emulator.journal.activity import Gathered, activity
from harness.emulator.journal.causes import Cause
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.websocket.apis import Settings
from harness.emulator.websocket.connections import Closing, WebSocketConnection
from harness.emulator.websocket.events import Handshake
from harness.emulator.websocket.integrations import GatewayError
from harness.journal.records import Kind

SERVICE = "apigatewayv2"


def _about(connection: WebSocketConnection) -> dict[str, Any]:
    api = connection.api
    return {
        "service": SERVICE,
        "resource": connection.arn,
        "account_id": api.account_id,
        "region": api.region,
        "trace": connection.trace,
    }


@contextmanager
def handshake(
    connection: WebSocketConnection, request: Handshake, path: str, caused_by: Cause | None
) -> Iterator[Gathered]:
    what = {**_about(connection), "resource": connection.api.api_id}
    data = {
        "method": "GET",
        "path": path,
        "query": dict(request.query),
        "headers": dict(request.headers),
        "connection": connection.connection_id,
        "stage": connection.stage,
    }
    with activity(Kind.REQUEST, name="CONNECT", cause=caused_by, data=data, **what) as gathered:
        yield gathered


def frame_received(connection: WebSocketConnection, body: str, selected: str, route: Settings | None) -> Cause:
    """Recorded by the thread that reads, so in the order in which the frames came."""
    return JOURNAL.begin(
        Kind.FRAME,
        name=selected,
        takes=(f"frame:{connection.trace}:{connection.received}",),
        data={
            "direction": "in",
            "connection": connection.connection_id,
            "number": connection.received,
            "body": payloads.text(body),
            "route": route["RouteKey"] if route else None,
        },
        **_about(connection),
    )


def frame_served(connection: WebSocketConnection, begun: Cause, selected: str, ended: dict[str, Any]) -> None:
    JOURNAL.end(Kind.FRAME, begun, service=SERVICE, name=selected, resource=connection.arn, data=ended)


def frame_sent(connection: WebSocketConnection, name: str, body: str | bytes) -> None:
    about = _about(connection)
    del about["trace"]  # that of what sends it
    data = {"direction": "out", "connection": connection.connection_id, "body": payloads.text(body)}
    JOURNAL.note(Kind.FRAME, name=name, data=data, **about)


@contextmanager
def ended(connection: WebSocketConnection, closing: Closing) -> Iterator[Gathered]:
    data = {
        "connection": connection.connection_id,
        "code": closing.code,
        "reason": closing.reason,
        "by": closing.by,
    }
    takes = (f"connection:{connection.trace}", f"closed:{connection.connection_id}")
    with activity(
        Kind.CONNECTION, name="DISCONNECT", cause=connection.cause, takes=takes, data=data, **_about(connection)
    ) as gathered:
        yield gathered


def authorized(connection: WebSocketConnection, authorizer: Settings, refused: GatewayError | None) -> None:
    said: dict[str, Any] = {"passed": True, "principal": (connection.authorizer or {}).get("principalId")}
    if refused is not None:
        said = {"passed": False, "reason": refused.name, "error": refused.message}
    about = _about(connection)
    del about["trace"]
    JOURNAL.note(
        Kind.DECISION,
        name=str(authorizer.get("Name") or "CUSTOM"),
        data={
            "rule": authorizer["AuthorizerId"],
            "type": "CUSTOM",
            **said,
            "event": {"connection": connection.connection_id, "route": "$connect"},
        },
        **about,
    )


def error_of(error: GatewayError) -> dict[str, Any]:
    return {"error": {"code": error.name, "message": error.message}}
