"""How Lambda reads queues and streams.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

import json
import time
import zlib
from base64 import b64decode
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from harness.journal.records import Kind

TAKES = "def handler(event, context): pass\n"
FAILS_ON_POISON = """
import base64
def handler(event, context):
    for record in event["Records"]:
        body = base64.b64decode(record["kinesis"]["data"]).decode() if "kinesis" in record else record["body"]
        if "poison" in body:
            raise ValueError(body)
"""
HASH_KEYS = 2**128


@pytest.fixture
def kinesis(aws):
    return aws("kinesis")


@pytest.fixture
def stream(kinesis):
    """`stream(shards)`: name and ARN."""
    made = []

    def make(shards=1):
        name = f"contract-{uuid4().hex[:12]}"
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        made.append(name)
        return name, kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]

    yield make
    for name in made:
        kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


@pytest.fixture
def mapping(aws, stream):  # noqa: ARG001 - deleted before its source is
    """`mapping(function, source_arn, **options)`; its id."""
    client, made = aws("lambda"), []

    def make(function, source, **options):
        if ":kinesis:" in source:
            options = {"StartingPosition": "TRIM_HORIZON", **options}
        answer = client.create_event_source_mapping(FunctionName=function.name, EventSourceArn=source, **options)
        made.append(answer["UUID"])
        return answer["UUID"]

    yield make
    for one in made:
        try:
            client.delete_event_source_mapping(UUID=one)
        except client.exceptions.ResourceNotFoundException:
            continue


@pytest.fixture
def fifo(aws):
    client = aws("sqs")
    url = client.create_queue(
        QueueName=f"contract-{uuid4().hex[:12]}.fifo",
        Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "60"},
    )["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    yield url, arn
    client.delete_queue(QueueUrl=url)


def bodies(flow):
    """What each invocation was given, in the order in which they began."""
    return [
        [
            b64decode(record["kinesis"]["data"]).decode() if "kinesis" in record else record["body"]
            for record in invocation.data["event"]["Records"]
        ]
        for invocation in flow.find(Kind.INVOCATION)
    ]


def put(kinesis, name, *texts, key="one", **options):
    entries = [{"Data": text.encode(), "PartitionKey": key, **options} for text in texts]
    assert kinesis.put_records(StreamName=name, Records=entries)["FailedRecordCount"] == 0


# ---- refused -----------------------------------------------------------------------------------------------------


def test_mapping_with_too_short_visibility_timeout_is_refused(function, queue, mapping):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-queueconfig"""
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "5"})
    with pytest.raises(ClientError) as error:
        mapping(function(TAKES, Timeout=20), queue.arn)
    assert error.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": "Queue visibility timeout: 5 seconds is less than Function timeout: 20 seconds",
    }


@pytest.mark.parametrize("options", [{"MaximumBatchingWindowInSeconds": 1}, {"BatchSize": 11}])
def test_a_fifo_queue_has_no_batching_window_and_small_batches(function, fifo, mapping, options):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html"""
    with pytest.raises(ClientError) as error:
        mapping(function(TAKES), fifo[1], **options)
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_mapping_with_tumbling_window_is_refused(function, stream, mapping):
    with pytest.raises(ClientError, match="TumblingWindowInSeconds is not served here"):
        mapping(function(TAKES), stream()[1], TumblingWindowInSeconds=30)


# ---- queues ------------------------------------------------------------------------------------------------------


def test_messages_of_a_group_come_in_order(aws, function, fifo, mapping, flow):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html#fifo-scaling"""
    url, arn = fifo
    mapping(function(TAKES), arn, BatchSize=2)
    with flow() as f:
        for number in range(4):
            for group in ("a", "b"):
                aws("sqs").send_message(QueueUrl=url, MessageGroupId=group, MessageBody=f"{group}{number}")
    f.settle()
    seen = [body for batch in bodies(f) for body in batch]
    assert [body for body in seen if body[0] == "a"] == ["a0", "a1", "a2", "a3"]
    assert [body for body in seen if body[0] == "b"] == ["b0", "b1", "b2", "b3"]
    # A batch is of one group.
    assert all(len({body[0] for body in batch}) == 1 for batch in bodies(f))


def test_a_message_that_fails_holds_back_its_group_and_no_other(aws, function, fifo, mapping, flow):
    url, arn = fifo
    mapping(function(FAILS_ON_POISON, Timeout=5), arn, BatchSize=1)
    send = lambda group, body: aws("sqs").send_message(QueueUrl=url, MessageGroupId=group, MessageBody=body)  # noqa: E731
    with flow() as f:
        send("held", "poison")
        f.wait_until(lambda one: any(batch.data.get("failed") for batch in one.find(Kind.BATCH)))
        send("held", "behind")
        send("free", "other")
        f.wait_until(lambda one: ["other"] in bodies(one))
    assert ["behind"] not in bodies(f)


def test_a_repeated_message_of_a_fifo_queue_is_handled_once(aws, function, fifo, mapping, flow):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html"""
    url, arn = fifo
    mapping(function(TAKES), arn)
    with flow() as f:
        for _ in range(3):
            aws("sqs").send_message(QueueUrl=url, MessageGroupId="a", MessageBody="once")
    f.settle()
    assert bodies(f) == [["once"]]


# ---- streams -----------------------------------------------------------------------------------------------------


def test_two_mappings_of_one_stream_each_get_every_record(kinesis, function, stream, mapping, flow):
    name, arn = stream()
    first, second = mapping(function(TAKES), arn), mapping(function(TAKES), arn)
    with flow() as f:
        put(kinesis, name, "a", "b")
    f.settle()
    by_mapping = {one: [r["id"] for b in f.find(Kind.BATCH) if b.data["mapping"] == one for r in b.data["records"]]
                  for one in (first, second)}  # fmt: skip
    assert len(by_mapping[first]) == 2
    assert by_mapping[first] == by_mapping[second]


def test_mapping_of_fan_out_consumer_gets_stream_records(kinesis, function, stream, mapping, flow):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html#services-kinesis-consumer"""
    name, arn = stream()
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fan")["Consumer"]["ConsumerARN"]
    mapping(function(TAKES), consumer)
    with flow() as f:
        put(kinesis, name, "a")
    f.settle()
    assert bodies(f) == [["a"]]


def test_changed_mapping_continues_at_its_position(aws, kinesis, function, stream, mapping, flow):
    name, arn = stream()
    one = mapping(function(TAKES), arn)
    with flow() as f:
        put(kinesis, name, "before")
    f.settle()
    functions = aws("lambda")
    functions.update_event_source_mapping(UUID=one, BatchSize=7)
    with flow() as f:
        put(kinesis, name, "after")
    f.settle()
    assert bodies(f) == [["after"]]
    functions.update_event_source_mapping(UUID=one, Enabled=False)
    with flow() as f:
        put(kinesis, name, "while it was disabled")
        f.settle()
        assert bodies(f) == []
        functions.update_event_source_mapping(UUID=one, Enabled=True)
        f.wait_until(lambda seen: bodies(seen))
    assert bodies(f) == [["while it was disabled"]]


def test_failing_batch_is_split_until_poison_record_is_alone(kinesis, function, stream, queue, mapping, flow):
    """https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html"""
    name, arn = stream()
    with flow() as f:
        put(kinesis, name, "a", "b", "poison", "c", "d")
        mapping(
            function(FAILS_ON_POISON), arn, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True,
            DestinationConfig={"OnFailure": {"Destination": queue.arn}},
        )  # fmt: skip
    f.settle(hurry=True)
    handled = {body for batch in bodies(f) for body in batch if "poison" not in batch}
    assert handled == {"a", "b", "c", "d"}
    # Alone it had its attempt and one more.
    assert bodies(f).count(["poison"]) == 2
    told = json.loads(queue.receive()["Body"])
    assert (told["KinesisBatchInfo"]["batchSize"], told["requestContext"]["condition"]) == (1, "RetryAttemptsExhausted")
    [dead] = f.find(Kind.DEAD_LETTER)
    assert len(dead.data["records"]) == 1


def test_a_record_that_is_too_old_is_given_up(kinesis, function, stream, queue, mapping, flow, fire):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html"""
    name, arn = stream()
    mapping(
        function(FAILS_ON_POISON), arn, MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
    )  # fmt: skip
    with flow() as f:
        put(kinesis, name, "poison")
        f.wait_until(lambda one: any(batch.data.get("failed") for batch in one.find(Kind.BATCH)))
        fire("stream-record-age", stream_arn=arn, seconds=61)
        put(kinesis, name, "young")
    f.settle(hurry=True)
    assert bodies(f)[-1] == ["young"]
    told = json.loads(queue.receive()["Body"])
    assert (told["KinesisBatchInfo"]["batchSize"], told["requestContext"]["condition"]) == (1, "RecordAgeExceeded")
    [finding] = f.explain()
    assert "until it was too old" in finding.sentence


def test_blocked_shard_does_not_block_other_shards(kinesis, function, stream, mapping, flow):
    name, arn = stream(2)
    mapping(function(FAILS_ON_POISON), arn)
    with flow() as f:
        put(kinesis, name, "poison", ExplicitHashKey="0")
        f.wait_until(lambda one: any(batch.data.get("failed") for batch in one.find(Kind.BATCH)))
        put(kinesis, name, "behind", ExplicitHashKey="0")
        put(kinesis, name, "other", ExplicitHashKey=str(HASH_KEYS - 1))
        f.wait_until(lambda one: ["other"] in bodies(one))
    assert not any("behind" in batch for batch in bodies(f))


def test_parallel_shard_batches_keep_key_order_without_blocking(kinesis, function, stream, mapping, flow):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html#events-kinesis-processing"""
    name, arn = stream()
    held = "held"
    free = next(k for k in map(str, range(99)) if zlib.crc32(k.encode()) % 2 != zlib.crc32(held.encode()) % 2)
    mapping(function(FAILS_ON_POISON), arn, ParallelizationFactor=2, BatchSize=1)
    with flow() as f:
        put(kinesis, name, "poison", key=held)
        f.wait_until(lambda one: any(batch.data.get("failed") for batch in one.find(Kind.BATCH)))
        put(kinesis, name, "behind", key=held)
        put(kinesis, name, "x", "y", "z", key=free)
        f.wait_until(lambda one: ["z"] in bodies(one))
    assert [batch for batch in bodies(f) if batch != ["poison"]] == [["x"], ["y"], ["z"]]


def test_children_of_a_split_shard_are_read_after_it(kinesis, function, stream, mapping, flow):
    """https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html"""
    name, arn = stream()
    with flow() as f:
        put(kinesis, name, "parent 1", "parent 2")
        kinesis.split_shard(
            StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(HASH_KEYS // 2)
        )
        put(kinesis, name, "child", ExplicitHashKey="0")
        mapping(function(TAKES), arn)
    f.settle()
    assert bodies(f) == [["parent 1", "parent 2"], ["child"]]


def _is_gone(aws, mapping_id):
    try:
        aws("lambda").get_event_source_mapping(UUID=mapping_id)
    except aws("lambda").exceptions.ResourceNotFoundException:
        return True
    return False


def test_mapping_waiting_for_a_retry_is_deleted_at_once(aws, kinesis, function, stream, mapping, flow):
    name, arn = stream()
    one = mapping(function(FAILS_ON_POISON), arn)
    with flow() as f:
        put(kinesis, name, "poison")
        f.wait_until(lambda seen: seen.find(Kind.TIMER))
        aws("lambda").delete_event_source_mapping(UUID=one)
    # Nothing waits any more, so there is no timer to fire.
    f.settle()
    # The reader of the shard is the last to go, after it has seen that nothing is wanted of it.
    deadline = time.monotonic() + 60
    while not _is_gone(aws, one):
        assert time.monotonic() < deadline
