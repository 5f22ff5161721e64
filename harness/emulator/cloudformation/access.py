"""How IAM sees CloudFormation: what a call asks for."""

from harness.emulator.access.operation import Operation, RequestedAction, arn_or
from harness.emulator.access.services import asks


def install() -> None:
    asks("cloudformation", _asked)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    if name := operation.parameters.get("StackName"):
        return [RequestedAction(action, arn_or(str(name), lambda n: operation.arn("cloudformation", f"stack/{n}/*")))]
    return None
