"""The services `apigatewayv2` and `apigatewaymanagementapi` as LocalStack plugins."""

from collections.abc import Callable, Mapping
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.services.plugins import Service, aws_provider
from localstack.state import StateVisitor

from harness.emulator.websocket.apis import STORES
from harness.emulator.websocket.errors import not_served
from harness.emulator.websocket.gateway import close_all
from harness.emulator.websocket.management import OPERATIONS
from harness.emulator.websocket.operations import operations

Handler = Callable[[RequestContext, Any], Any]


class _State:
    def accept_state_visitor(self, visitor: StateVisitor) -> None:
        visitor.visit(STORES)


def _service(name: str, ours: Mapping[str, Handler]) -> Service:
    model = load_service(name)
    table = {operation: ours.get(operation) or _unserved(operation) for operation in model.operation_names}
    return Service(name=name, skeleton=Skeleton(model, table))


def _unserved(operation: str) -> Handler:
    def refuse(_context: RequestContext, _request: Any) -> Any:
        raise not_served(operation, "declare the WebSocket API by its own operations or by CloudFormation")

    return refuse


@aws_provider(api="apigatewayv2", name="default")
def apigatewayv2() -> Service:
    service = _service(
        "apigatewayv2", operations(lambda api_id, stage: close_all("deleted", api_id=api_id, stage=stage))
    )
    service._provider = _State()
    return service


@aws_provider(api="apigatewaymanagementapi", name="default")
def apigatewaymanagementapi() -> Service:
    return _service("apigatewaymanagementapi", OPERATIONS)
