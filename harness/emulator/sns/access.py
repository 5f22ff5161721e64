"""How IAM sees SNS: what a call asks for, and the policies of resources."""

from typing import Any

from harness.emulator.access.engine_state import split_arn
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks, keeps_policies


def install() -> None:
    asks("sns", _asked)
    keeps_policies("sns", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    if operation.name == "Publish" and (number := operation.parameters.get("PhoneNumber")):
        # A phone number is no resource: policies name it by "*" alone
        # (https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html).
        return [RequestedAction(action, str(number))]
    for name in ("TopicArn", "TargetArn", "ResourceArn"):
        if value := operation.parameters.get(name):
            return [RequestedAction(action, str(value))]
    if subscription := operation.parameters.get("SubscriptionArn"):
        return [RequestedAction(action, str(subscription).rpartition(":")[0])]
    return None


def _policy(arn: str, _action: str) -> Any:
    from localstack.services.sns.models import sns_stores

    region, account_id, _name = split_arn(arn)
    topic = sns_stores[account_id][region].topics.get(arn)
    return (topic["attributes"].get("Policy") or None) if topic is not None else None
