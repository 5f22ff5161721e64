"""Kinesis streams in a template: created as declared, and changed in place.

LocalStack 4.14.0 makes a stream without its retention, its encryption and its tags, and takes one with a number of shards for
one on demand.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kinesis-stream.html
"""

from collections.abc import Mapping
from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus

from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.updates import TypeUpdate, Update
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched

DEFAULT_HOURS = 24


def install() -> None:
    when_loaded("cloudformation", _patch)


def _patch() -> None:
    from localstack.services.kinesis.resource_providers.aws_kinesis_stream import KinesisStreamProvider

    @patched(
        KinesisStreamProvider.create,
        because="a stream is made without its retention, encryption and tags",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kinesis-stream.html",
    )
    def create(original: Any, self: Any, request: Any) -> Any:
        wanted = request.desired_state
        if wanted.get("ShardCount") and not wanted.get("StreamModeDetails"):
            wanted["StreamModeDetails"] = {"StreamMode": "PROVISIONED"}
        made = original(self, request)
        if made.status == OperationStatus.SUCCESS:
            set_up(request.aws_client_factory.kinesis, wanted, {})
        return made


def set_up(kinesis: Any, after: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Retention, encryption and tags of a stream become what `after` says."""
    name = after["Name"]
    hours, had = (int(state.get("RetentionPeriodHours") or DEFAULT_HOURS) for state in (after, before))
    if hours > had:
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=hours)
    elif hours < had:
        kinesis.decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=hours)
    encryption, was = after.get("StreamEncryption"), before.get("StreamEncryption")
    if encryption and encryption != was:
        kinesis.start_stream_encryption(StreamName=name, **encryption)
    elif was and not encryption:
        kinesis.stop_stream_encryption(StreamName=name, **was)
    tags, had_tags = ({one["Key"]: one["Value"] for one in state.get("Tags") or ()} for state in (after, before))
    if gone := sorted(had_tags.keys() - tags.keys()):
        kinesis.remove_tags_from_stream(StreamName=name, TagKeys=gone)
    if tags:
        kinesis.add_tags_to_stream(StreamName=name, Tags=tags)


def change_stream(update: Update) -> None:
    kinesis = update.client("kinesis")
    if update.changes("StreamModeDetails"):
        kinesis.update_stream_mode(StreamARN=update.after["Arn"], StreamModeDetails=update.after["StreamModeDetails"])
    if update.changes("ShardCount") and update.after.get("ShardCount"):
        count = int(update.after["ShardCount"])
        kinesis.update_shard_count(
            StreamName=update.after["Name"], TargetShardCount=count, ScalingType="UNIFORM_SCALING"
        )
    set_up(kinesis, update.after, update.before)


TYPES = (
    KnownType(
        "AWS::Kinesis::Stream",
        change=TypeUpdate(
            change_stream,
            given=frozenset({"ShardCount", "StreamModeDetails"}),
            takes=frozenset({"ShardCount", "StreamModeDetails", "RetentionPeriodHours", "StreamEncryption", "Tags"}),
        ),
    ),
)
