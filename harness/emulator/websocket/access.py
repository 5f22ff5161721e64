"""How IAM sees connections of WebSocket APIs: what a call asks for."""

from urllib.parse import unquote

from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks
from harness.emulator.journal.enrichers import names_resource

WEBSOCKET_STAGE = "x-harness-websocket-stage"
"""The header with the ARN of the stage whose connection a call is about: the address that said so is taken off by then."""


def install() -> None:
    asks("execute-api", _asked)
    names_resource(lambda context: context.request.headers.get(WEBSOCKET_STAGE, ""))


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    """A connection of a WebSocket API
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html)."""
    stage = operation.headers.get(WEBSOCKET_STAGE)
    if stage is None:
        return None
    return [RequestedAction(action, f"{stage}/{operation.method}/{unquote(operation.path.lstrip('/'))}")]
