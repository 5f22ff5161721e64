"""What becomes of a batch of a stream's records that its function fails on.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html (BisectBatchOnFunctionError),
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.journal.records import Kind
from tests.contract.functions import Queue

RAISES_ON_POISON = """
import base64
def handler(event, context):
    if any(base64.b64decode(r["kinesis"]["data"]) == b"poison" for r in event["Records"]):
        raise ValueError("not this one")
"""
TAKES = "def handler(event, context): pass\n"


@dataclass(frozen=True)
class Stream:
    client: Any
    name: str
    arn: str

    def put(self, *bodies: str) -> dict[str, str]:
        """Into its only shard, in this order; what each sequence number stands for."""
        entries = [{"Data": body.encode(), "PartitionKey": "one"} for body in bodies]
        answer = self.client.put_records(StreamName=self.name, Records=entries)
        assert answer["FailedRecordCount"] == 0
        return {one["SequenceNumber"]: body for one, body in zip(answer["Records"], bodies, strict=True)}


@pytest.fixture
def stream(aws: Callable[[str], Any]) -> Iterator[Stream]:
    kinesis, name = aws("kinesis"), f"contract-{uuid.uuid4().hex[:12]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    yield Stream(kinesis, name, arn)
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


@pytest.fixture
def mapping(aws: Callable[[str], Any], stream: Stream) -> Iterator[Callable[..., str]]:
    """`mapping(function, **options)`: reads the stream from its beginning; its id."""
    client, made = aws("lambda"), []

    def make(function: Any, **options: Any) -> str:
        answer = client.create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=stream.arn, StartingPosition="TRIM_HORIZON", **options
        )
        made.append(answer["UUID"])
        return str(answer["UUID"])

    yield make
    for one in made:
        client.delete_event_source_mapping(UUID=one)


def _to(queue: Queue) -> dict[str, Any]:
    return {"DestinationConfig": {"OnFailure": {"Destination": queue.arn}}}


def _batches(flow: Any, mapping: str, names: dict[str, str]) -> list[list[str]]:
    """What the function was given, batch by batch."""
    mine = [batch for batch in flow.find(Kind.BATCH) if batch.data["mapping"] == mapping]
    return [[names[record["id"]] for record in batch.data["records"]] for batch in mine]


def test_failing_batch_is_halved_and_only_poison_is_given_up(flow, function, queue, stream, mapping):
    """Splitting is no retry: the record that is alone has all of its attempts."""
    made = function(RAISES_ON_POISON)
    with flow() as f:
        names = stream.put("a", "poison", "c", "d")
        one = mapping(made, BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, **_to(queue))
    f.settle(hurry=True)
    assert _batches(f, one, names) == [
        ["a", "poison", "c", "d"],
        ["a", "poison"],
        ["a"],
        ["poison"],
        ["poison"],
        ["c", "d"],
    ]
    [given_up] = f.find(Kind.DEAD_LETTER)
    assert [names[number] for number in given_up.data["records"]] == ["poison"]
    told = json.loads(queue.receive()["Body"])
    info = told["KinesisBatchInfo"]
    assert (info["batchSize"], names[info["startSequenceNumber"]], info["streamArn"]) == (1, "poison", stream.arn)
    assert info["startSequenceNumber"] == info["endSequenceNumber"]
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 2


def test_without_splitting_a_batch_is_given_up_whole(flow, function, queue, stream, mapping):
    made = function(RAISES_ON_POISON)
    with flow() as f:
        names = stream.put("a", "poison", "c")
        one = mapping(made, MaximumRetryAttempts=1, **_to(queue))
    f.settle(hurry=True)
    assert _batches(f, one, names) == [["a", "poison", "c"]] * 2
    [given_up] = f.find(Kind.DEAD_LETTER)
    assert [names[number] for number in given_up.data["records"]] == ["a", "poison", "c"]


def test_settle_waits_for_the_other_mapping_of_a_poison_record(flow, function, queue, stream, mapping):
    """Each mapping has a separate position in the stream."""
    first = function(RAISES_ON_POISON)
    second = function(TAKES)
    with flow() as f:
        names = stream.put("poison")
        one = mapping(first, MaximumRetryAttempts=0, **_to(queue))
        # It waits for more to come, until hurry says that the time is over.
        other = mapping(second, MaximumBatchingWindowInSeconds=20)
    f.settle(hurry=True)
    assert _batches(f, one, names) == [["poison"]]
    assert _batches(f, other, names) == [["poison"]]
