"""Finding the stream that a request names, and creating one.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
"""

from collections.abc import Mapping
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.kinesis import InvalidArgumentException, ResourceNotFoundException, ValidationException
from localstack.services.moto import _proxy_moto
from moto.kinesis.models import kinesis_backends


def stream_of(context: RequestContext, request: Mapping[str, Any]) -> Any:
    """The stream that a request names. Raises ResourceNotFoundException, in AWS's words."""
    name = request.get("StreamName")
    if request.get("StreamARN"):
        return stream_by_arn(request["StreamARN"])
    if not name:
        raise InvalidArgumentException("Either StreamARN or StreamName is required.")
    return _find(context.account_id, context.region, name)


def stream_by_arn(arn: str | None) -> Any:
    """Raises as `stream_of` does."""
    if not arn:
        raise InvalidArgumentException("StreamARN is required.")
    try:
        _, _, _, region, account, resource = arn.split(":", 5)
        name = resource.split("/")[1]
    except (ValueError, IndexError):
        raise InvalidArgumentException(f"{arn} is not the ARN of a stream.") from None
    return _find(account, region, name)


def _find(account: str, region: str, name: str) -> Any:
    try:
        stream = kinesis_backends[account][region].streams.get(name)
    except KeyError:
        stream = None  # a region or an account that there is not
    if stream is None:
        raise ResourceNotFoundException(f"Stream {name} under account {account} not found.")
    return stream


def served_by_moto(context: RequestContext, request: dict[str, Any]) -> Any:
    """An operation that moto serves for a stream that exists; without one it fails."""
    if not request.get("NextToken"):
        stream_of(context, request)
    return _proxy_moto(context, request)


def create(context: RequestContext, request: dict[str, Any]) -> Any:
    """A stream in provisioned mode, which is the default, says how many shards it has."""
    mode = (request.get("StreamModeDetails") or {}).get("StreamMode")
    if mode != "ON_DEMAND" and request.get("ShardCount") is None:
        raise ValidationException(
            "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: Member must not be null"
        )
    return _proxy_moto(context, request)


OURS = {
    "CreateStream": create,
    **dict.fromkeys(
        (
            *("AddTagsToStream", "DecreaseStreamRetentionPeriod", "DeleteStream", "DescribeStream"),
            *("DescribeStreamSummary", "DisableEnhancedMonitoring", "EnableEnhancedMonitoring"),
            *("IncreaseStreamRetentionPeriod", "ListShards", "ListStreamConsumers", "ListTagsForStream", "MergeShards"),
            *("RemoveTagsFromStream", "SplitShard", "StopStreamEncryption", "UpdateShardCount", "UpdateStreamMode"),
            *("UpdateMaxRecordSize", "UpdateStreamWarmThroughput"),
        ),
        served_by_moto,
    ),
}
"""Operations on a stream that moto serves."""
