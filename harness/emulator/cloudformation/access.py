"""How IAM sees CloudFormation: what a call asks for."""

from harness.emulator.access.operation import Asked, Operation, arn_or
from harness.emulator.access.services import asks


def install() -> None:
    asks("cloudformation", _asked)


def _asked(operation: Operation, action: str) -> list[Asked] | None:
    if name := operation.parameters.get("StackName"):
        return [Asked(action, arn_or(str(name), lambda n: operation.arn("cloudformation", f"stack/{n}/*")))]
    return None
