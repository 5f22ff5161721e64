"""The targets of EventBridge Scheduler: which call of which service a run makes.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from localstack.utils.aws.arns import sqs_queue_url_for_arn

from harness import aws

_UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
_READING = (
    "get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup", "discover",
    "validate", "batchGet", "batchDescribe", "batchRead", "transactGet", "adminGet", "adminList", "retrieve",
)  # fmt: skip
"""Operations that a universal target cannot be: a schedule has no use for an answer."""


@dataclass(frozen=True)
class TargetCall:
    """`make` is given clients of the target's role, and the payload as text."""

    make: Callable[[Any, str], object]


def call_of(target: Mapping[str, Any]) -> TargetCall:
    """The call that invokes a target. Raises ValueError for a target that cannot be invoked here, with the reason."""
    arn = str(target["Arn"])
    if arn.startswith(_UNIVERSAL):
        return _universal(arn)
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service == "sqs" and arn.endswith(".fifo") and not (target.get("SqsParameters") or {}).get("MessageGroupId"):
        raise ValueError("SqsParameters with a MessageGroupId are required for a FIFO queue.")
    if service == "events" and not target.get("EventBridgeParameters"):
        raise ValueError("EventBridgeParameters are required for an event bus.")
    if service == "kinesis" and not target.get("KinesisParameters"):
        raise ValueError("KinesisParameters are required for a stream.")
    if service not in _TEMPLATED:
        known = ", ".join(sorted(_TEMPLATED))
        raise ValueError(
            f"Provided Arn is not in correct format, or of a service that is not invoked here: {arn}; those that are: "
            f"{known}, and {_UNIVERSAL}service:operation"
        )
    return TargetCall(lambda clients, payload: _TEMPLATED[service](clients, target, payload))


def _universal(arn: str) -> TargetCall:
    service, _, operation = arn.removeprefix(_UNIVERSAL).partition(":")
    if not service or not operation or operation.startswith(_READING):
        raise ValueError(f"Parameter {arn} is not valid. Reason: Provided Arn is not a valid API operation.")

    def make(clients: Any, payload: str) -> None:
        client = clients.get_client(aws.service_of_sdk_id(service))
        method = getattr(client, xform_name(operation[:1].upper() + operation[1:]), None)
        if method is None:
            raise ValueError(f"{service} has no operation {operation}")
        method(**json.loads(payload))

    return TargetCall(make)


def _lambda(clients: Any, target: Mapping[str, Any], payload: str) -> None:
    clients.lambda_.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=payload)


def _sqs(clients: Any, target: Mapping[str, Any], payload: str) -> None:
    group = target.get("SqsParameters") or {}
    clients.sqs.send_message(QueueUrl=sqs_queue_url_for_arn(target["Arn"]), MessageBody=payload, **group)


def _sns(clients: Any, target: Mapping[str, Any], payload: str) -> None:
    clients.sns.publish(TopicArn=target["Arn"], Message=payload)


def _states(clients: Any, target: Mapping[str, Any], payload: str) -> None:
    clients.stepfunctions.start_execution(stateMachineArn=target["Arn"], input=payload)


def _events(clients: Any, target: Mapping[str, Any], payload: str) -> None:
    entry = {"EventBusName": target["Arn"], "Detail": payload, **target["EventBridgeParameters"]}
    answer = clients.events.put_events(Entries=[entry])
    if answer.get("FailedEntryCount"):
        failed = answer["Entries"][0]
        raise RuntimeError(f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")


def _kinesis(clients: Any, target: Mapping[str, Any], payload: str) -> None:
    clients.kinesis.put_record(StreamARN=target["Arn"], Data=payload, **target["KinesisParameters"])


def _firehose(clients: Any, target: Mapping[str, Any], payload: str) -> None:
    name = target["Arn"].rpartition("/")[2]
    clients.firehose.put_record(DeliveryStreamName=name, Record={"Data": payload})


_TEMPLATED: dict[str, Callable[[Any, Mapping[str, Any], str], None]] = {
    "events": _events,
    "firehose": _firehose,
    "kinesis": _kinesis,
    "lambda": _lambda,
    "sns": _sns,
    "sqs": _sqs,
    "states": _states,
}
