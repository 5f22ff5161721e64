"""The data plane: opens connections, and takes what comes over them to the integrations.

A connection has a thread that reads from it. Each message is served in a separate thread, so a slow one delays no
other, not even of the same client.
"""

import json
import logging
import threading
import time
from typing import Any

from localstack.http import Response
from localstack.http.websocket import WebSocketDisconnectedError, WebSocketRequest
from localstack.utils.xray.trace_header import TraceHeader
from werkzeug.datastructures import Headers

from harness.emulator.journal.causes import SEGMENTS, doing
from harness.emulator.websocket import integrations, journal, logs
from harness.emulator.websocket.apis import Settings, Snapshot, find_api
from harness.emulator.websocket.authorizer import authorize
from harness.emulator.websocket.connections import CONNECTIONS, NORMAL, Closing, WebSocketConnection, new_token
from harness.emulator.websocket.events import (
    Handshake,
    connect_event,
    disconnect_event,
    handshake_of,
    message_event,
    request_context,
)
from harness.emulator.websocket.frames import LimitedProtocol
from harness.emulator.websocket.integrations import GatewayError, IntegrationResponse, forbidden, internal_error
from harness.emulator.websocket.request_models import validate
from harness.emulator.websocket.route_selection import DEFAULT, route_key
from harness.emulator.websocket.throttling import THROTTLE, settings_of

LOG = logging.getLogger(__name__)
SUBPROTOCOL = "Sec-WebSocket-Protocol"
NO_STATUS, ABNORMAL = 1005, 1006
_REASONS = {
    NORMAL: "Connection Closed Normally",
    NO_STATUS: "Client-side close frame status not set",
    ABNORMAL: "Connection closed abnormally",
}
"""What API Gateway says where the client's close frame gives no reason."""


def connect(request: WebSocketRequest, api_id: str, stage: str = "") -> Response | None:
    """Serves a connection from its handshake to its end."""
    api = find_api(api_id)
    snapshot = api.served(stage) if api is not None else None
    if api is None or snapshot is None or snapshot.settings.get("DisableExecuteApiEndpoint"):
        return Response(json.dumps({"message": "Forbidden"}), 403, mimetype="application/json")
    trace = TraceHeader.from_header_str(request.headers.get("X-Amzn-Trace-Id")).ensure_root_exists()
    connection = WebSocketConnection(
        api,
        stage,
        source_ip=request.remote_addr or "127.0.0.1",
        user_agent=request.headers.get("User-Agent"),
        trace=trace.root or "",
    )
    port = int(request.environ.get("SERVER_PORT") or 443)
    handshake = handshake_of(request.headers.items(), request.args.items(multi=True), connection, port)
    with journal.handshake(connection, handshake, request.path, SEGMENTS.get(trace.parent)) as recorded:
        exchange = Exchange(connection, "$connect", "CONNECT")
        try:
            answer = _admit(exchange, handshake, snapshot)
        except GatewayError as error:
            exchange.over(error=error)
            recorded.ended = {"status": error.status, **journal.error_of(error)}
            return _refusal(connection, error, exchange.request_id)
        exchange.over(answer)
        if not 200 <= answer.status < 300:
            recorded.ended = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
            return Response(answer.body or "", answer.status, dict(answer.headers))
        CONNECTIONS.add(connection)
        connection.open(lambda: _accept(request, connection, answer))
        recorded.ended = {"status": 101}
    _serve(connection)
    return None


class Exchange:
    """One event on its way through the gateway: its context, and what the stage writes down of it at its end."""

    def __init__(self, connection: WebSocketConnection, key: str, event_type: str) -> None:
        self.connection = connection
        self.context = request_context(connection, key, event_type)
        self.request_id = str(self.context["requestId"])
        self.event: dict[str, Any] | None = None
        self._began = time.monotonic()

    def serve(self, snapshot: Snapshot, route: Settings, event: dict[str, Any]) -> IntegrationResponse:
        """What the route's integration answers. Raises GatewayError."""
        self.event = event
        connection = self.connection
        return integrations.call(connection.api, connection.stage, snapshot, route, event)

    def throttle(self, key: str) -> None:
        """Raises GatewayError where the route has had too many."""
        connection = self.connection
        stage = connection.api.parts["Stage"].get(connection.stage) or {}
        THROTTLE.take(connection.api.arn(f"{connection.stage}/{key}"), settings_of(stage, key))

    def over(self, answer: IntegrationResponse | None = None, error: GatewayError | None = None) -> None:
        outcome = logs.RequestOutcome(time.monotonic() - self._began, answer, error)
        logs.write(self.connection, self.context, outcome, self.event)


def _admit(exchange: Exchange, handshake: Handshake, snapshot: Snapshot) -> IntegrationResponse:
    """The response of `$connect`; without that route every client is accepted. Raises GatewayError."""
    route, connection = snapshot.route("$connect"), exchange.connection
    exchange.throttle("$connect")
    if route is None:
        return IntegrationResponse(200)
    variables = _stage_variables(connection)
    if route.get("AuthorizationType") == "CUSTOM":
        authorizer = snapshot.parts["Authorizer"].get(str(route.get("AuthorizerId")))
        if authorizer is None:
            raise internal_error()
        try:
            connection.authorizer = authorize(connection, handshake, authorizer, variables, exchange.context)
        except GatewayError as refused:
            journal.authorized(connection, authorizer, refused)
            raise
        journal.authorized(connection, authorizer, None)
        exchange.context = {**exchange.context, "authorizer": connection.authorizer}
    if not route.get("Target"):
        return IntegrationResponse(200)
    return exchange.serve(snapshot, route, connect_event(handshake, variables, exchange.context))


def _accept(request: WebSocketRequest, connection: WebSocketConnection, answer: IntegrationResponse) -> Any:
    channel = request.socket.channel

    def refuse(closing: Closing) -> None:
        # Called where the frame is read, in the reactor's thread, which must not wait for a lock.
        connection.closing = connection.closing or closing
        channel.wsClose(closing.code, closing.reason)

    # Before the client may send.
    channel.wsproto = LimitedProtocol(channel.wsproto, refuse)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return request.accept(subprotocol=headers.get(SUBPROTOCOL.lower()), headers=Headers())


def _refusal(connection: WebSocketConnection, error: GatewayError, request_id: str) -> Response:
    response = Response(_told(connection, error, request_id), error.status, mimetype="application/json")
    response.headers["x-amzn-ErrorType"] = error.name
    response.headers["x-amzn-RequestId"] = request_id
    return response


def _told(connection: WebSocketConnection, error: GatewayError, request_id: str) -> str:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html"""
    told = {"message": error.message, "connectionId": connection.connection_id, "requestId": request_id}
    return json.dumps(told)


def _stage_variables(connection: WebSocketConnection) -> dict[str, str]:
    stage = connection.api.parts["Stage"].get(connection.stage) or {}
    return dict(stage.get("StageVariables") or {})


def _serve(connection: WebSocketConnection) -> None:
    while True:
        try:
            message = connection.receive()
        except TimeoutError:
            if (overdue := connection.overdue()) is not None:
                connection.close(overdue)
            continue
        except WebSocketDisconnectedError as gone:
            code = NO_STATUS if gone.code is None else int(gone.code)
            if connection.left_without_a_word:
                code = ABNORMAL
            closing = Closing(code, gone.reason or _REASONS.get(code, ""), "client")
            break
        _received(connection, str(message))
    CONNECTIONS.remove(connection)
    _disconnected(connection, connection.closing or closing)


def _received(connection: WebSocketConnection, body: str) -> None:
    connection.received += 1
    snapshot = connection.api.served(connection.stage)
    key, route = _selected(snapshot, body) if snapshot is not None else (DEFAULT, None)
    begun = journal.frame_received(connection, body, key, route)

    def serve() -> None:
        ended: dict[str, Any] = {}
        try:
            with doing(begun):
                ended = _message(connection, body, key, snapshot, route)
        finally:
            journal.frame_served(connection, begun, key, ended)

    threading.Thread(target=serve, name=f"websocket-{connection.connection_id}", daemon=True).start()


def _selected(snapshot: Snapshot, body: str) -> tuple[str, Settings | None]:
    """The key that is selected for a message, and the route that takes it: that of the key, else `$default`."""
    key = route_key(snapshot.settings["RouteSelectionExpression"], body)
    # What comes when a connection is made or ends is not for a client to send.
    route = snapshot.route(key) if key not in ("$connect", "$disconnect") else None
    return (key, route) if route is not None else (key, snapshot.route(DEFAULT))


def _message(
    connection: WebSocketConnection, body: str, key: str, snapshot: Snapshot | None, route: Settings | None
) -> dict[str, Any]:
    """Serve a message; what its record's end says."""
    exchange = Exchange(connection, route["RouteKey"] if route else key, "MESSAGE")
    try:
        if snapshot is None or route is None:
            raise forbidden()
        exchange.throttle(route["RouteKey"])
        validate(snapshot, route, body)
        event = message_event(body, _stage_variables(connection), exchange.context, new_token())
        answer = exchange.serve(snapshot, route, event)
    except GatewayError as error:
        _answer(connection, "Error", _told(connection, error, exchange.request_id))
        exchange.over(error=error)
        return journal.error_of(error)
    if answer.body is not None and _answers(snapshot, route):
        _answer(connection, "RouteResponse", answer.body)
    exchange.over(answer)
    return {"response": answer.to_json()}


def _answers(snapshot: Snapshot, route: Settings) -> bool:
    """Only a route with a route response sends back what its integration answers
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html)."""
    selected = route.get("RouteResponseSelectionExpression") == "$default"
    return selected and bool(snapshot.responses_of("RouteResponse", route["RouteId"]))


def _answer(connection: WebSocketConnection, name: str, body: str) -> None:
    if connection.send(body):
        journal.frame_sent(connection, name, body)


def _disconnected(connection: WebSocketConnection, closing: Closing) -> None:
    """`$disconnect` is called after the fact: its response changes nothing
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html)."""
    snapshot = connection.api.served(connection.stage)
    route = snapshot.route("$disconnect") if snapshot is not None else None
    with journal.ended(connection, closing) as recorded:
        if snapshot is None or closing.by == "reset":
            return
        exchange = Exchange(connection, "$disconnect", "DISCONNECT")
        event = disconnect_event(connection, _stage_variables(connection), exchange.context, closing)
        if route is None:
            exchange.over()
            return
        try:
            exchange.over(exchange.serve(snapshot, route, event))
        except GatewayError as error:
            exchange.over(error=error)
            recorded.ended = journal.error_of(error)


def close_all(
    by: str, *, api_id: str | None = None, stage: str | None = None, account_id: str | None = None
) -> list[str]:
    """Close the connections of an API, a stage, an account; the ids of those that were open."""
    closing = Closing(1001, "Going away", by)
    return [c.connection_id for c in CONNECTIONS.of(api_id, stage, account_id) if c.close(closing)]
