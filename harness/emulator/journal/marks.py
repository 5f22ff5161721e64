"""Names of what waits between two activities: what one leaves and the other takes.

A mark is `<kind>:<where>:<id>`: `message:arn:aws:sqs:…:queue:5f1c…` for a message in a queue. It is the same for the
activity that leaves it and for the one that takes it, and unique to the two.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from harness import aws


def message(queue_arn: str, message_id: str) -> str:
    """A message in a queue."""
    return f"message:{queue_arn}:{message_id}"


def stream_record(stream_arn: str, sequence_number: str) -> str:
    """A record of a Kinesis stream or a table's stream."""
    return f"record:{stream_arn}:{sequence_number}"


def invocation(request_id: str) -> str:
    """An event that Lambda was given to handle later."""
    return f"invocation:{request_id}"


def task_token(token: str) -> str:
    """A task of an execution that waits to be called back."""
    return f"task:{_digest(token)}"


def callback(token: str) -> str:
    """The outcome that a task's execution was called back with, until the execution continues."""
    return f"callback:{_digest(token)}"


def _digest(token: str) -> str:
    """A token lets its holder end the task. It is as good as random, so that a plain digest does not give it away."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def archived_event(archive_arn: str, event_id: str) -> str:
    """An event that an archive keeps."""
    return f"archived:{archive_arn}:{event_id}"


def notification(subscription_arn: str, message_id: str) -> str:
    """A message of a topic on its way to a subscriber outside of the engine."""
    return f"notification:{subscription_arn}:{message_id}"


def resource(service: str, request: Mapping[str, Any]) -> str:
    """What a call is about, as the request names it; empty where it names nothing of the kind."""
    if service == "events" and request.get("Entries"):
        return str(request["Entries"][0].get("EventBusName") or "default")
    if service == "s3" and request.get("Key"):
        return f"{request.get('Bucket')}/{request['Key']}"
    return str(request.get(aws.service(service).request_member) or "")


def left_by_call(
    service: str,
    operation: str,
    request: Mapping[str, Any],
    response: Any,
    request_id: str | None,
    account_id: str,
    region: str,
) -> tuple[str, ...]:
    """What a call that succeeded put somewhere for others to take up."""
    answer: Mapping[str, Any] = response if isinstance(response, Mapping) else {}
    match service, operation:
        case "kinesis", "PutRecord":
            return (stream_record(_stream_arn(request, account_id, region), answer["SequenceNumber"]),)
        case "kinesis", "PutRecords":
            stream = _stream_arn(request, account_id, region)
            records = answer.get("Records") or ()
            return tuple(stream_record(stream, r["SequenceNumber"]) for r in records if r.get("SequenceNumber"))
        case "lambda", "Invoke" if request.get("InvocationType") == "Event" and request_id:
            return (invocation(request_id),)
        case "stepfunctions", "SendTaskSuccess" | "SendTaskFailure":
            return (callback(request["taskToken"]),)
    return ()


def taken_by_call(
    service: str, operation: str, request: Mapping[str, Any], account_id: str, region: str
) -> tuple[str, ...]:
    """What a call takes up that another left."""
    del account_id, region
    match service, operation:
        case "stepfunctions", "SendTaskSuccess" | "SendTaskFailure" | "SendTaskHeartbeat" if request.get("taskToken"):
            return (task_token(request["taskToken"]),)
    return ()


def _stream_arn(request: Mapping[str, Any], account_id: str, region: str) -> str:
    named = request.get("StreamARN")
    return str(named) if named else f"arn:aws:kinesis:{region}:{account_id}:stream/{request['StreamName']}"
