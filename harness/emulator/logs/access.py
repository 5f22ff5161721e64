"""How IAM sees CloudWatch Logs: what a call asks for, and the policies of resources."""

import json
from typing import Any

from harness.emulator.access.engine_state import split_arn
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks, keeps_policies


def install() -> None:
    asks("logs", _asked)
    keeps_policies("logs", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    parameters = operation.parameters
    group = parameters.get("logGroupName") or parameters.get("logGroupIdentifier")
    if group is None and (prefix := parameters.get("logGroupNamePrefix")):
        group = prefix
    if group is None and operation.name == "DescribeLogGroups":
        group = ""
    if group is None:
        return None
    name = str(group).removesuffix(":*").partition(":log-group:")[2] or str(group)
    stream = parameters.get("logStreamName") or ""
    # The reason why policies end in `:*`: a group is always asked for with the stream, if an empty one
    # (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html).
    return [RequestedAction(action, operation.arn("logs", f"log-group:{name}:log-stream:{stream}"))]


def _policy(arn: str, _action: str) -> Any:
    """A region has resource policies for its log groups
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html)."""
    from moto.logs.models import logs_backends

    region, account_id, _rest = split_arn(arn)
    policies = list(logs_backends[account_id][region].resource_policies.values())
    statements = [s for p in policies for s in _statements(p.policy_document)]
    return {"Statement": statements} if statements else None


def _statements(document: str | None) -> list[Any]:
    try:
        found = json.loads(document or "{}").get("Statement") or []
    except (ValueError, AttributeError):
        return []  # the service accepted what is no policy
    return found if isinstance(found, list) else [found]
