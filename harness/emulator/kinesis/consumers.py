"""Enhanced fan-out consumers of a stream: registered, described, and a source of event source mappings.

`SubscribeToShard` itself, an event stream over HTTP/2, is not served: mappings of a consumer read as all others do.
https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html
"""

from collections.abc import Mapping
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.kinesis import LimitExceededException, ResourceInUseException, ResourceNotFoundException
from moto.kinesis.models import Consumer

from harness.emulator.kinesis.streams import stream_by_arn

CONSUMERS_OF_A_STREAM = 20


def register(_context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    stream, name = stream_by_arn(request.get("StreamARN")), request["ConsumerName"]
    if any(one.consumer_name == name for one in stream.consumers):
        raise ResourceInUseException(f"Consumer {name} under stream {stream.stream_name} already exists for account "
                                     f"{stream.account_id}.")  # fmt: skip
    if len(stream.consumers) >= CONSUMERS_OF_A_STREAM:
        raise LimitExceededException(
            f"Cannot have more than {CONSUMERS_OF_A_STREAM} consumers for stream {stream.stream_name}."
        )
    consumer = Consumer(name, stream.account_id, stream.region, stream.arn)
    # One of the same name that is registered later is another.
    consumer.consumer_arn += f":{int(consumer.created)}"
    stream.consumers.append(consumer)
    return {"Consumer": {**consumer.to_json(), "ConsumerStatus": "CREATING"}}


def _find(request: Mapping[str, Any]) -> tuple[Any, Any]:
    """The stream and the consumer that a request names, by the consumer's ARN or by both names."""
    arn, name = request.get("ConsumerARN"), request.get("ConsumerName")
    stream = stream_by_arn(arn.partition("/consumer/")[0] if arn else request.get("StreamARN"))
    for one in stream.consumers:
        if one.consumer_arn == arn or (not arn and one.consumer_name == name):
            return stream, one
    raise ResourceNotFoundException(f"Consumer {arn or name}, account {stream.account_id} not found.")


def describe(_context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    _, consumer = _find(request)
    return {"ConsumerDescription": consumer.to_json(include_stream_arn=True)}


def deregister(_context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    stream, consumer = _find(request)
    stream.consumers.remove(consumer)
    return {}


def list_of_stream(_context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    return {"Consumers": [one.to_json() for one in stream_by_arn(request.get("StreamARN")).consumers]}


def subscribe(_context: RequestContext, _request: dict[str, Any]) -> dict[str, Any]:
    raise CommonServiceException(
        "NotImplementedException",
        "SubscribeToShard is not served here: read with GetRecords, or give the consumer's ARN to an event source mapping",
        status_code=501,
    )


OURS = {
    "RegisterStreamConsumer": register,
    "DescribeStreamConsumer": describe,
    "DeregisterStreamConsumer": deregister,
    "ListStreamConsumers": list_of_stream,
    "SubscribeToShard": subscribe,
}
