"""Kinesis Data Streams as AWS has them.

https://docs.aws.amazon.com/kinesis/latest/APIReference/Welcome.html
"""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

HASH_KEYS = 2**128


@pytest.fixture
def kinesis(aws):
    return aws("kinesis")


@pytest.fixture
def stream(kinesis):
    """`stream(shards)`: the name of a new stream."""
    made = []

    def make(shards=1, **options):
        name = f"contract-{uuid4().hex[:12]}"
        kinesis.create_stream(StreamName=name, **({"ShardCount": shards} if shards else {}), **options)
        made.append(name)
        kinesis.get_waiter("stream_exists").wait(StreamName=name)
        return name

    yield make
    for name in made:
        kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


def shards(kinesis, name):
    return kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]


def read(kinesis, name, shard="shardId-000000000000", kind="TRIM_HORIZON", **options):
    """One GetRecords from a new iterator."""
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType=kind, **options)
    return kinesis.get_records(ShardIterator=iterator["ShardIterator"])


def data(answer):
    return [record["Data"] for record in answer["Records"]]


def put(kinesis, name, *bodies, key="one"):
    return [kinesis.put_record(StreamName=name, PartitionKey=key, Data=body) for body in bodies]


def refused(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


# ---- iterators ---------------------------------------------------------------------------------------------------


def test_each_type_of_iterator_begins_where_it_says(kinesis, stream):
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html"""
    name = stream()
    latest = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="LATEST")
    numbers = [one["SequenceNumber"] for one in put(kinesis, name, b"a", b"b", b"c")]
    assert data(read(kinesis, name)) == [b"a", b"b", b"c"]
    assert data(kinesis.get_records(ShardIterator=latest["ShardIterator"])) == [b"a", b"b", b"c"]
    assert data(read(kinesis, name, kind="LATEST")) == []
    at, after = "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"
    assert data(read(kinesis, name, kind=at, StartingSequenceNumber=numbers[1])) == [b"b", b"c"]
    assert data(read(kinesis, name, kind=after, StartingSequenceNumber=numbers[1])) == [b"c"]


def test_timestamp_iterator_begins_with_first_record_since(kinesis, stream):
    name = stream()
    put(kinesis, name, b"a", b"b")
    second = read(kinesis, name)["Records"][1]["ApproximateArrivalTimestamp"]
    since = lambda when: data(read(kinesis, name, kind="AT_TIMESTAMP", Timestamp=when))  # noqa: E731
    assert since(second - timedelta(hours=1)) == [b"a", b"b"]
    # Clients send whole seconds.
    assert since(second + timedelta(seconds=1)) == []
    code, said = refused(
        kinesis.get_shard_iterator, StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="AT_TIMESTAMP",
        Timestamp=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    assert code == "InvalidArgumentException"
    assert said.startswith("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis.")


def test_records_of_a_shard_are_read_in_order_and_in_parts(kinesis, stream):
    name = stream()
    sent = [str(n).encode() for n in range(10)]
    put(kinesis, name, *sent)
    iterator = kinesis.get_shard_iterator(
        StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    first = kinesis.get_records(ShardIterator=iterator, Limit=4)
    assert data(first) == sent[:4]
    # There are more, so it is behind the newest.
    assert first["MillisBehindLatest"] > 0
    rest = kinesis.get_records(ShardIterator=first["NextShardIterator"])
    assert (data(rest), rest["MillisBehindLatest"]) == (sent[4:], 0)


def test_invalid_shard_iterator_is_refused(kinesis):
    assert refused(kinesis.get_records, ShardIterator="nonsense") == (
        "InvalidArgumentException",
        "Invalid ShardIterator.",
    )


# ---- putting -----------------------------------------------------------------------------------------------------


def test_sequence_numbers_are_unique_in_all_shards_and_grow(kinesis, stream):
    """https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html#sequence-number"""
    name = stream(4)
    entries = [{"Data": b"x", "PartitionKey": str(n)} for n in range(40)]
    answered = kinesis.put_records(StreamName=name, Records=entries)["Records"]
    assert len({one["ShardId"] for one in answered}) == 4
    numbers = [int(one["SequenceNumber"]) for one in answered]
    assert numbers == sorted(set(numbers))
    assert {len(one["SequenceNumber"]) for one in answered} == {56}


def test_an_explicit_hash_key_chooses_the_shard(kinesis, stream):
    name = stream(2)
    put_at = lambda key: kinesis.put_record(  # noqa: E731
        StreamName=name, Data=b"x", PartitionKey="same", ExplicitHashKey=str(key)
    )["ShardId"]
    assert [put_at(0), put_at(HASH_KEYS // 2 - 1)] == ["shardId-000000000000"] * 2
    assert [put_at(HASH_KEYS // 2), put_at(HASH_KEYS - 1)] == ["shardId-000000000001"] * 2
    code, said = refused(
        kinesis.put_record, StreamName=name, Data=b"x", PartitionKey="same", ExplicitHashKey=str(HASH_KEYS)
    )
    assert (code, "must be in the range: [0, 2^128-1]" in said) == ("InvalidArgumentException", True)


def test_limits_of_what_is_put(kinesis, stream):
    """https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html"""
    name, megabyte = stream(), 1024 * 1024
    kinesis.put_record(StreamName=name, Data=b"x" * (megabyte - 3), PartitionKey="one")
    too_large = refused(kinesis.put_record, StreamName=name, Data=b"x" * megabyte, PartitionKey="one")
    assert too_large[0] == "ValidationException"
    assert "Member must have length less than or equal to 1048576" in too_large[1]
    many = [{"Data": b"x", "PartitionKey": "one"}] * 501
    assert refused(kinesis.put_records, StreamName=name, Records=many) == (
        "ValidationException",
        "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length less than or "
        "equal to 500",
    )
    large = [{"Data": b"x" * (megabyte - 3), "PartitionKey": "one"}] * 6
    assert refused(kinesis.put_records, StreamName=name, Records=large) == (
        "InvalidArgumentException",
        "Records size exceeds 5 MB limit",
    )


def test_put_records_fails_for_single_records(kinesis, stream, faults):
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""
    name = stream()
    entries = [{"Data": body, "PartitionKey": body.decode()} for body in (b"a", b"b", b"c")]
    with faults.failing(
        "kinesis", "PutRecord", code="ProvisionedThroughputExceededException",
        when=f"StreamName == '{name}' && PartitionKey == 'b'",
    ):  # fmt: skip
        answer = kinesis.put_records(StreamName=name, Records=entries)
    assert answer["FailedRecordCount"] == 1
    assert [entry.get("ErrorCode") for entry in answer["Records"]] == [
        None,
        "ProvisionedThroughputExceededException",
        None,
    ]
    assert data(read(kinesis, name)) == [b"a", b"c"]


def test_a_stream_that_does_not_exist_is_not_found(kinesis):
    assert refused(kinesis.put_record, StreamName="nowhere-at-all", Data=b"x", PartitionKey="one") == (
        "ResourceNotFoundException",
        "Stream nowhere-at-all under account 000000000000 not found.",
    )


def test_records_beyond_retention_are_not_returned(kinesis, stream, fire):
    """https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html"""
    name = stream()
    put(kinesis, name, b"old")
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    fire("stream-record-age", stream_arn=arn, seconds=25 * 3600)
    put(kinesis, name, b"new")
    assert data(read(kinesis, name)) == [b"new"]


# ---- resharding --------------------------------------------------------------------------------------------------


def test_split_shard_keeps_records_and_children_take_new_ones(kinesis, stream):
    """https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html"""
    name = stream()
    put(kinesis, name, b"before")
    middle = str(HASH_KEYS // 2)
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=middle)
    parent, *children = shards(kinesis, name)
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert [child["ParentShardId"] for child in children] == [parent["ShardId"]] * 2
    after = kinesis.put_record(StreamName=name, Data=b"after", PartitionKey="x", ExplicitHashKey=middle)
    assert after["ShardId"] == children[1]["ShardId"]
    last = read(kinesis, name)
    assert (data(last), "NextShardIterator" in last) == ([b"before"], False)
    assert [child["ShardId"] for child in last["ChildShards"]] == [child["ShardId"] for child in children]
    assert data(read(kinesis, name, shard=children[1]["ShardId"])) == [b"after"]
    code, _ = refused(
        kinesis.split_shard, StreamName=name, ShardToSplit=parent["ShardId"], NewStartingHashKey=middle
    )  # fmt: skip
    assert code == "InvalidArgumentException"


def test_merged_shards_continue_as_one(kinesis, stream):
    name = stream(2)
    kinesis.put_record(StreamName=name, Data=b"before", PartitionKey="x", ExplicitHashKey=str(HASH_KEYS - 1))
    kinesis.merge_shards(
        StreamName=name, ShardToMerge="shardId-000000000000", AdjacentShardToMerge="shardId-000000000001"
    )
    child = shards(kinesis, name)[2]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == ("shardId-000000000000", "shardId-000000000001")
    assert child["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(HASH_KEYS - 1)}
    assert put(kinesis, name, b"after")[0]["ShardId"] == child["ShardId"]
    assert data(read(kinesis, name, shard="shardId-000000000001")) == [b"before"]
    assert kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["OpenShardCount"] == 1


def test_a_stream_on_demand_has_four_shards(kinesis, stream):
    """https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html"""
    name = stream(0, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert len(shards(kinesis, name)) == 4
    put(kinesis, name, b"x")


# ---- consumers ---------------------------------------------------------------------------------------------------


def test_a_consumer_is_registered_described_and_deregistered(kinesis, stream):
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_RegisterStreamConsumer.html"""
    arn = kinesis.describe_stream_summary(StreamName=stream())["StreamDescriptionSummary"]["StreamARN"]
    made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fan")["Consumer"]
    assert made["ConsumerStatus"] == "CREATING"
    assert made["ConsumerARN"].startswith(f"{arn}/consumer/fan:")
    other = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="other")["Consumer"]
    described = kinesis.describe_stream_consumer(ConsumerARN=made["ConsumerARN"])["ConsumerDescription"]
    assert (described["ConsumerStatus"], described["StreamARN"]) == ("ACTIVE", arn)
    code, _ = refused(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="fan")
    assert code == "ResourceInUseException"
    kinesis.deregister_stream_consumer(StreamARN=arn, ConsumerName="fan")
    left = kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]
    assert [one["ConsumerARN"] for one in left] == [other["ConsumerARN"]]


# ---- templates ---------------------------------------------------------------------------------------------------

TEMPLATE = {
    "Resources": {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}]}}},
        "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {
            "ShardCount": 2, "RetentionPeriodHours": 48,
            "StreamEncryption": {"EncryptionType": "KMS", "KeyId": {"Ref": "Key"}},
            "Tags": [{"Key": "of", "Value": "test"}]}},
        "Consumer": {"Type": "AWS::Kinesis::StreamConsumer", "Properties": {
            "StreamARN": {"Fn::GetAtt": ["Stream", "Arn"]}, "ConsumerName": "fan"}},
    },
    "Outputs": {"Stream": {"Value": {"Ref": "Stream"}}, "Consumer": {"Value": {"Ref": "Consumer"}}},
}  # fmt: skip


def test_a_stream_is_made_and_changed_as_its_template_says(aws, kinesis):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kinesis-stream.html"""
    stacks, stack = aws("cloudformation"), f"contract-{uuid4().hex[:12]}"
    stacks.create_stack(StackName=stack, TemplateBody=json.dumps(TEMPLATE))
    stacks.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    outputs = stacks.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    name = next(one["OutputValue"] for one in outputs if one["OutputKey"] == "Stream")
    consumer = next(one["OutputValue"] for one in outputs if one["OutputKey"] == "Consumer")
    summary = lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]  # noqa: E731
    made = summary()
    assert made["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert (made["OpenShardCount"], made["RetentionPeriodHours"], made["EncryptionType"]) == (2, 48, "KMS")
    assert kinesis.list_tags_for_stream(StreamName=name)["Tags"] == [{"Key": "of", "Value": "test"}]
    assert "/consumer/fan:" in consumer
    changed = json.loads(json.dumps(TEMPLATE))
    changed["Resources"]["Stream"]["Properties"] = {"ShardCount": 4, "Tags": [{"Key": "other", "Value": "one"}]}
    stacks.update_stack(StackName=stack, TemplateBody=json.dumps(changed))
    stacks.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    after = summary()
    assert (after["OpenShardCount"], after["RetentionPeriodHours"], after["EncryptionType"]) == (4, 24, "NONE")
    assert kinesis.list_tags_for_stream(StreamName=name)["Tags"] == [{"Key": "other", "Value": "one"}]
    stacks.delete_stack(StackName=stack)
    stacks.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


def test_stream_in_provisioned_mode_says_how_many_shards(kinesis):
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html"""
    assert refused(kinesis.create_stream, StreamName=f"s-{uuid4().hex[:8]}") == (
        "ValidationException",
        "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: Member must not be null",
    )


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("describe_stream", {}),
        ("describe_stream_summary", {}),
        ("list_shards", {}),
        ("list_tags_for_stream", {}),
        ("delete_stream", {}),
        ("add_tags_to_stream", {"Tags": {"a": "b"}}),
        ("increase_stream_retention_period", {"RetentionPeriodHours": 48}),
        ("update_shard_count", {"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}),
    ],
)
def test_operation_on_missing_stream_is_refused(kinesis, operation, arguments):
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStream.html#API_DescribeStream_Errors"""
    call = getattr(kinesis, operation)
    assert refused(call, StreamName="no-such-stream", **arguments)[0] == "ResourceNotFoundException"
    arn = "arn:aws:kinesis:nowhere-1:000000000000:stream/no-such-stream"
    assert refused(call, StreamARN=arn, **arguments)[0] == "ResourceNotFoundException"
    assert refused(call, **arguments)[0] == "InvalidArgumentException"
