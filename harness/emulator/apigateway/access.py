"""How IAM sees API Gateway: what a call asks for."""

from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks


def install() -> None:
    asks("apigateway", _asked)


def _asked(operation: Operation, _action: str) -> list[RequestedAction]:
    """The actions are the methods of HTTP, the resources its paths
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html)."""
    return [
        RequestedAction(
            f"apigateway:{operation.method}",
            f"arn:{operation.partition}:apigateway:{operation.region}::{operation.path}",
        )
    ]
