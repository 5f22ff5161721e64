"""The events that a WebSocket API gives to functions.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integration-requests.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.emulator.websocket.connections import Closing, WebSocketConnection, new_token

_OF_THE_PROTOCOL = frozenset({"connection", "upgrade", "content-length"})
"""Headers that an authorizer sees, and an integration does not."""


@dataclass(frozen=True)
class Handshake:
    """The request for a connection: its headers and query as pairs, in their order."""

    headers: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        """The last of this name; headers have no case."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return found[-1] if found else None

    def parameter(self, name: str) -> str | None:
        found = [value for key, value in self.query if key == name]
        return found[-1] if found else None


def handshake_of(
    headers: Iterable[tuple[str, str]], query: Iterable[tuple[str, str]], connection: WebSocketConnection, port: int
) -> Handshake:
    """The request as API Gateway passes it on: under its own name, and with what its entry point adds."""
    added = {
        "Host": connection.api.domain_name,
        "X-Amzn-Trace-Id": f"Root={connection.trace}",
        "X-Forwarded-For": connection.source_ip,
        "X-Forwarded-Port": str(port),
        "X-Forwarded-Proto": "https",
    }
    theirs = [(name, value) for name, value in headers if name.lower() not in {key.lower() for key in added}]
    return Handshake(tuple(sorted([*theirs, *added.items()], key=lambda pair: pair[0].lower())), tuple(query))


def request_context(connection: WebSocketConnection, route_key: str, event_type: str) -> dict[str, Any]:
    """What every event has in common; `event_type` is CONNECT, MESSAGE or DISCONNECT."""
    now = datetime.now(UTC)
    request_id = new_token()
    identity = {"userAgent": connection.user_agent, "sourceIp": connection.source_ip}
    context: dict[str, Any] = {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": f"{now:%d/%b/%Y:%H:%M:%S} +0000",
        "messageDirection": "IN",
        "stage": connection.stage,
        "connectedAt": int(connection.connected_at.timestamp() * 1000),
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "identity": {name: value for name, value in identity.items() if value is not None},
        "requestId": request_id,
        "domainName": connection.api.domain_name,
        "connectionId": connection.connection_id,
        "apiId": connection.api.api_id,
    }
    if connection.authorizer is not None:
        context["authorizer"] = connection.authorizer
    return context


def connect_event(handshake: Handshake, stage_variables: Mapping[str, str], context: dict[str, Any]) -> dict[str, Any]:
    headers = [(name, value) for name, value in handshake.headers if name.lower() not in _OF_THE_PROTOCOL]
    return _event(context, stage_variables, headers, handshake.query)


def authorizer_event(
    connection: WebSocketConnection, handshake: Handshake, stage_variables: Mapping[str, str], context: dict[str, Any]
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html"""
    headers = list(handshake.headers)
    if handshake.header("content-length") is None:
        headers.append(("content-length", "0"))
    query = handshake.query
    return {
        "type": "REQUEST",
        "methodArn": connection.api.arn(f"{connection.stage}/$connect"),
        **_headers(headers),
        "queryStringParameters": dict(query),
        "multiValueQueryStringParameters": _values(query),
        "stageVariables": dict(stage_variables),
        "requestContext": context,
    }


def message_event(
    body: str, stage_variables: Mapping[str, str], context: dict[str, Any], message_id: str
) -> dict[str, Any]:
    context["messageId"] = message_id
    return {**_variables(stage_variables), "requestContext": context, "body": body, "isBase64Encoded": False}


def disconnect_event(
    connection: WebSocketConnection, stage_variables: Mapping[str, str], context: dict[str, Any], closing: Closing
) -> dict[str, Any]:
    context |= {"disconnectStatusCode": closing.code, "disconnectReason": closing.reason}
    headers = [("Host", connection.api.domain_name), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")]
    return _event(context, stage_variables, headers, ())


def _event(
    context: dict[str, Any],
    stage_variables: Mapping[str, str],
    headers: list[tuple[str, str]],
    query: tuple[tuple[str, str], ...],
) -> dict[str, Any]:
    event = _headers(headers)
    if query:
        event |= {"queryStringParameters": dict(query), "multiValueQueryStringParameters": _values(query)}
    return {**event, **_variables(stage_variables), "requestContext": context, "isBase64Encoded": False}


def _headers(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    pairs = list(pairs)
    return {"headers": dict(pairs), "multiValueHeaders": _values(pairs)}


def _values(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _variables(stage_variables: Mapping[str, str]) -> dict[str, Any]:
    return {"stageVariables": dict(stage_variables)} if stage_variables else {}
