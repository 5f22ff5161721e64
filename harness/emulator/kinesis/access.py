"""How IAM sees Kinesis: what a call asks for, and the policies of resources."""

import contextlib
from typing import Any

from harness.emulator.access.engine_state import split_arn
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks, keeps_policies
from harness.emulator.kinesis.iterators import ShardIterator


def install() -> None:
    asks("kinesis", _asked)
    keeps_policies("kinesis", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    if consumer := operation.parameters.get("ConsumerARN"):
        return [RequestedAction(action, str(consumer))]
    if stream := operation.parameters.get("StreamARN"):
        return [RequestedAction(action, str(stream))]
    if name := operation.parameters.get("StreamName"):
        return [RequestedAction(action, operation.arn("kinesis", f"stream/{name}"))]
    if operation.name == "GetRecords":
        stream = stream_of_iterator(str(operation.parameters.get("ShardIterator", "")))
        return [RequestedAction(action, stream)] if stream else None
    return None


def stream_of_iterator(iterator: str) -> str | None:
    """The ARN of the Kinesis stream that a shard iterator reads."""
    with contextlib.suppress(ValueError):
        return ShardIterator.decode(iterator).stream
    return None


def _policy(arn: str, _action: str) -> Any:
    from moto.kinesis.models import kinesis_backends

    region, account_id, _rest = split_arn(arn)
    return kinesis_backends[account_id][region].resource_policies.get(arn)
