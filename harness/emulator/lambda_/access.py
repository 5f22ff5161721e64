"""How IAM sees Lambda: what a call asks for, and the policies of resources."""

import re
from typing import Any

from harness.emulator.access.engine_state import split_arn
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks, keeps_policies

_FUNCTION = re.compile(
    r"(?:arn:[^:]+:lambda:(?P<region>[^:]+):)?(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[^:]+)(?::(?P<qualifier>[^:]+))?"
)


def install() -> None:
    asks("lambda", _asked)
    keeps_policies("lambda", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    parameters = operation.parameters
    name = parameters.get("FunctionName")
    if operation.name in ("CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"):
        return [RequestedAction(action, "*")]
    found = _FUNCTION.fullmatch(str(name)) if name else None
    if found is None:
        return None
    qualifier = parameters.get("Qualifier") or found["qualifier"]
    rest = f"function:{found['name']}" + (f":{qualifier}" if qualifier else "")
    return [RequestedAction(action, operation.arn("lambda", rest, found["region"], found["account"]))]


def _policy(arn: str, _action: str) -> Any:
    from localstack.services.lambda_.invocation.models import lambda_stores

    region, account_id, rest = split_arn(arn)
    parts = rest.split(":")
    if parts[0] != "function":
        return None
    function = lambda_stores[account_id][region].functions.get(parts[1])
    if function is None:
        return None
    policy = function.permissions.get(parts[2] if len(parts) > 2 else "$LATEST")
    return {"Statement": list(policy.policy.Statement)} if policy is not None else None
