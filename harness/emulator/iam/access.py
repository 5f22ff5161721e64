"""How IAM sees IAM and STS: what a call asks for, and the policies of resources."""

from typing import Any

from harness.emulator.access.engine_state import split_arn
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks, keeps_policies


def install() -> None:
    asks("iam", _asked)
    asks("sts", _asked_of_sts)
    keeps_policies("iam", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    for parameter, kind in (
        ("RoleName", "role"),
        ("UserName", "user"),
        ("GroupName", "group"),
        ("PolicyArn", "policy"),
    ):
        if value := operation.parameters.get(parameter):
            return [RequestedAction(action, iam_arn(kind, str(value), operation))]
    return None


def _asked_of_sts(operation: Operation, action: str) -> list[RequestedAction] | None:
    if role := operation.parameters.get("RoleArn"):
        return [RequestedAction(action, str(role))]
    return None


def iam_arn(kind: str, name: str, operation: Operation) -> str:
    """The ARN of a role, user, group or policy, with its path."""
    from moto.iam.models import iam_backends

    if name.startswith("arn:"):
        return name
    backend = iam_backends[operation.account_id][operation.partition]
    candidates: dict[str, Any] = {
        "role": {r.name: r for r in backend.roles.values()},
        "user": backend.users,
        "group": backend.groups,
    }
    found = candidates.get(kind, {}).get(name)
    return str(found.arn) if found is not None else operation.arn("iam", f"{kind}/{name}", region="")


def _policy(arn: str, action: str) -> Any:
    from moto.iam.models import iam_backends

    _region, account_id, rest = split_arn(arn)
    if not action.startswith("sts:") or not rest.startswith("role/"):
        return None
    for role in list(iam_backends[account_id][arn.split(":")[1]].roles.values()):
        if role.arn == arn:
            return role.assume_role_policy_document
    return None
