"""How IAM sees EventBridge Scheduler: what a call asks for."""

from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks


def install() -> None:
    asks("scheduler", _asked)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    name = operation.parameters.get("Name")
    if name and operation.name.endswith("Schedule"):
        group = operation.parameters.get("GroupName") or "default"
        return [RequestedAction(action, operation.arn("scheduler", f"schedule/{group}/{name}"))]
    return None
