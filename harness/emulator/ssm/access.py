"""How IAM sees Systems Manager: what a call asks for."""

from harness.emulator.access.operation import Operation, RequestedAction, arn_or
from harness.emulator.access.policy import listed
from harness.emulator.access.services import asks


def install() -> None:
    asks("ssm", _asked)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    if "Parameter" not in operation.name:
        return None
    names = listed(
        operation.parameters.get("Names") or operation.parameters.get("Name") or operation.parameters.get("Path")
    )
    # A version or a label may follow the name (`name:3`); the ARN has neither.
    texts = [n if n.startswith("arn:") else str(n).partition(":")[0] for n in names]
    arns = [arn_or(n, lambda n: operation.arn("ssm", f"parameter/{n.lstrip('/')}")) for n in texts]
    return [RequestedAction(action, arn) for arn in arns] or None
