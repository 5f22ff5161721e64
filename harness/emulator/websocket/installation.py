"""Puts the data plane on the gateway's own port."""

from collections.abc import Mapping
from typing import Any

from localstack.aws import handlers
from localstack.aws.handlers import cors
from localstack.runtime.shutdown import SHUTDOWN_HANDLERS
from localstack.services.edge import ROUTER

from harness.emulator.controls import capabilities
from harness.emulator.controls.timers import on_fire
from harness.emulator.patches import inserted, patched
from harness.emulator.websocket import handshake
from harness.emulator.websocket.connections import CONNECTIONS, Closing, idle, lifetime_over
from harness.emulator.websocket.gateway import close_all, connect
from harness.emulator.websocket.management import address


def _fire(closing: Closing, parameters: Mapping[str, Any]) -> dict[str, Any]:
    connection_id = parameters.get("connection_id")
    if set(parameters) != {"connection_id"} or not isinstance(connection_id, str):
        raise ValueError('it takes "connection_id", the id of an open connection')
    connection = CONNECTIONS.get(connection_id)
    if connection is None or not connection.close(closing):
        raise LookupError(f"no WebSocket connection {connection_id} is open")
    return {"closed": connection_id}


@on_fire("websocket-idle")
def fire_idle(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Ten minutes without a message are over for a connection."""
    return _fire(idle(), parameters)


@on_fire("websocket-lifetime")
def fire_lifetime(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The two hours of a connection are over."""
    return _fire(lifetime_over(), parameters)


def install() -> None:
    handshake.install()
    # Before entry points are recorded: a call of @connections is an AWS call, and no request at one.
    inserted(
        handlers,
        "preprocess_request",
        address,
        because="calls of @connections are AWS calls and no requests at a front door",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html",
        first=True,
    )

    @patched(
        cors.is_execute_api_call,
        because="API Gateway asks no browser where its page is from",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-overview.html",
    )
    def is_execute_api_call(original: Any, context: Any) -> bool:
        # API Gateway asks no browser where its page is from: that is for $connect to do.
        return context.request.path.startswith("/_aws/ws/") or original(context)

    # An address without a stage is one without an API: 403.
    for path in ("/_aws/ws/<api_id>", "/_aws/ws/<api_id>/", "/_aws/ws/<api_id>/<stage>", "/_aws/ws/<api_id>/<stage>/"):
        ROUTER.add(path, connect, methods=["WEBSOCKET"])
    # A thread that waits for a client would keep the engine from ending.
    SHUTDOWN_HANDLERS.register(lambda: close_all("reset"))
    capabilities.provide("websocket")
