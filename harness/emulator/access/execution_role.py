"""The permissions that Lambda requires of a function's role before it accepts a configuration.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html#permissions-executionrole-features
"""

from collections.abc import Callable, Mapping
from typing import Any

from harness.emulator.access.operation import RequestedAction

Denied = Callable[[str, list[RequestedAction]], RequestedAction | None]
"""`(role ARN, what it needs)` -> the first of it that the role may not do."""

_SENDS = {"sqs": ("sqs:SendMessage", "SQS"), "sns": ("sns:Publish", "SNS")}
_DESTINATIONS = {
    **{service: action for service, (action, _) in _SENDS.items()},
    "events": "events:PutEvents",
    "lambda": "lambda:InvokeFunction",
}
_READS = {
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    "kinesis": ("GetRecords", "GetShardIterator", "DescribeStream", "ListShards"),
    "dynamodb": ("GetRecords", "GetShardIterator", "DescribeStream"),
}


def _service(arn: str) -> str:
    return arn.split(":")[2] if arn.count(":") >= 5 else ""


def refusal(
    operation: str, request: Mapping[str, Any], role_of: Callable[[str], str | None], denied: Denied
) -> str | None:
    """The message of InvalidParameterValueException, or None where the role may do what it has to.

    `role_of` gives the role of a function by its name or ARN.
    """
    match operation:
        case "CreateFunction" | "UpdateFunctionConfiguration":
            target = (request.get("DeadLetterConfig") or {}).get("TargetArn") or ""
            role = request.get("Role") or role_of(request["FunctionName"])
            if role is None or _service(target) not in _SENDS:
                return None
            action, name = _SENDS[_service(target)]
            if denied(role, [RequestedAction(action, target)]) is not None:
                called = action.partition(":")[2]
                return f"The provided execution role does not have permissions to call {called} on {name}"
        case "PutFunctionEventInvokeConfig" | "UpdateFunctionEventInvokeConfig":
            role = role_of(request["FunctionName"])
            for destination in (request.get("DestinationConfig") or {}).values():
                target = (destination or {}).get("Destination") or ""
                action = _DESTINATIONS.get(_service(target), "")
                if role is not None and action and denied(role, [RequestedAction(action, target)]) is not None:
                    called = action.partition(":")[2]
                    return f"The function's execution role does not have permissions to call {called} on {target}"
        case "CreateEventSourceMapping":
            source = request.get("EventSourceArn") or ""
            service = _service(source)
            role = role_of(request["FunctionName"])
            if role is None or service not in _READS:
                return None
            stream, fan_out, _ = source.partition("/consumer/")
            needed = [RequestedAction(f"{service}:{read}", stream) for read in _READS[service]]
            if fan_out:
                # https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
                needed.append(RequestedAction("kinesis:SubscribeToShard", source))
            missing = denied(role, needed)
            if missing is not None and service == "sqs":
                called = missing.action.partition(":")[2]
                return f"The function execution role does not have permissions to call {called} on SQS"
            if missing is not None:
                reads = "GetRecords, GetShardIterator, DescribeStream, " + (
                    "ListShards, " if service == "kinesis" else ""
                )
                return (
                    f"Cannot access stream {source}. Please ensure the role can perform the {reads}and ListStreams "
                    "Actions on your stream in IAM."
                )
    return None
