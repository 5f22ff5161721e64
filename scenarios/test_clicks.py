"""Clicks in the stream: each is counted once and archived once, whatever comes twice, fails, or is no click at all."""

import base64
import json
import uuid
from collections.abc import Callable
from itertools import cycle
from typing import Any

import pytest

from fixtures.analytics import Analytics, Put, click_on, unique_album, unique_visitor
from fixtures.services import Queues
from harness import Faults, Kind, NewFlow

REFUSED = "AccessDeniedException"
"""A refusal that the SDK does not repeat."""


def _counting(album_id: str) -> str:
    """A fault's condition: only clicks on this album are not counted."""
    return f"TransactItems[1].Update.Key.album_id.S == '{album_id}'"


def _handing_on(visitor: str) -> str:
    """A fault's condition: only steps of this visitor are not forwarded."""
    return f"MessageGroupId == '{visitor}'"


def test_a_click_is_counted_archived_and_a_step_of_its_visitor(flow: NewFlow, analytics: Analytics, queue: Queues):
    album, visitor = unique_album(), unique_visitor()
    click = click_on(album, visitor=visitor, kind="share")
    with flow() as f:
        analytics.put(click)
    f.settle(hurry=True)
    assert analytics.counted(album) == analytics.counted_by_minute(album) == {"clicks": 1, "clicks_share": 1}
    assert analytics.archived(album) == [click]
    assert analytics.journey(visitor) == ["share"]
    assert analytics.trending(album) == set()
    for given_up in ("UncountedQueue", "UnarchivedQueue", "JourneysDeadLetterQueue"):
        assert queue("analytics", given_up).left_by(f) == []


def test_clicks_on_one_album_from_all_shards_are_added_up(flow: NewFlow, analytics: Analytics):
    album, keys = unique_album(), analytics.key_of_each_shard()
    with flow() as f:
        put = [
            one
            for key, kind in zip(cycle(keys), ("open", "open", "like") * 3, strict=False)
            for one in analytics.put(click_on(album, kind=kind), key=key)
        ]
    f.settle(hurry=True)
    assert len({one.shard_id for one in put}) == len(keys) > 1
    assert analytics.counted(album) == {"clicks": 9, "clicks_open": 6, "clicks_like": 3}
    assert len(analytics.archived(album)) == 9


def test_a_click_that_the_browser_sends_twice_is_counted_once(flow: NewFlow, analytics: Analytics):
    """Another record of the stream, and the same click."""
    album, visitor = unique_album(), unique_visitor()
    click = click_on(album, visitor=visitor)
    with flow() as f:
        analytics.put(click, click)
    f.settle(hurry=True)
    assert analytics.counted(album) == {"clicks": 1, "clicks_open": 1}
    assert analytics.journey(visitor) == ["open"]
    # The archive keeps what came.
    assert analytics.archived(album) == [click, click]


def test_a_click_whose_counting_crashed_halfway_is_counted_once(flow: NewFlow, analytics: Analytics, faults: Faults):
    """It is counted, then the function fails before it has handed it on: the record comes again."""
    album, visitor = unique_album(), unique_visitor()
    with faults.failing("sqs", "SendMessage", code=REFUSED, times=2, when=_handing_on(visitor)) as fault, flow() as f:
        analytics.put(click_on(album, visitor=visitor))
        f.settle(hurry=True)
        assert fault.struck == 2
    assert analytics.counted(album) == {"clicks": 1, "clicks_open": 1}
    assert analytics.journey(visitor) == ["open"]
    assert len(analytics.archived(album)) == 1


def test_click_is_counted_after_temporary_counting_failure(
    flow: NewFlow, analytics: Analytics, faults: Faults, queue: Queues
):
    album = unique_album()
    with faults.failing("dynamodb", "TransactWriteItems", code=REFUSED, times=3, when=_counting(album)), flow() as f:
        analytics.put(click_on(album))
        f.settle(hurry=True)
    assert analytics.counted(album) == {"clicks": 1, "clicks_open": 1}
    assert queue("analytics", "UncountedQueue").left_by(f) == []


def test_click_that_cannot_be_counted_is_still_archived(
    flow: NewFlow, analytics: Analytics, faults: Faults, queue: Queues
):
    album, visitor = unique_album(), unique_visitor()
    click = click_on(album, visitor=visitor)
    with faults.failing("dynamodb", "TransactWriteItems", code=REFUSED, when=_counting(album)) as fault, flow() as f:
        [put] = analytics.put(click)
        f.settle(hurry=True)
        # The first attempt and three retries; more where it came with the clicks of others.
        assert fault.struck >= 4
    [pointer] = queue("analytics", "UncountedQueue").left_by(f)
    info = pointer.body["KinesisBatchInfo"]
    assert (info["shardId"], info["batchSize"]) == (put.shard_id, 1)
    assert info["startSequenceNumber"] == info["endSequenceNumber"] == put.sequence_number
    assert pointer.body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert [json.loads(data) for data in analytics.given_up([pointer])] == [click]
    assert analytics.counted(album) == {}
    assert analytics.journey(visitor) == []
    # The other consumer is not affected.
    assert analytics.archived(album) == [click]
    assert queue("analytics", "UnarchivedQueue").left_by(f) == []


def test_click_given_up_is_counted_when_put_again(flow: NewFlow, analytics: Analytics, faults: Faults, queue: Queues):
    album = unique_album()
    with faults.failing("dynamodb", "TransactWriteItems", code=REFUSED, when=_counting(album)), flow() as f:
        analytics.put(click_on(album))
        f.settle(hurry=True)
    [data] = analytics.given_up(queue("analytics", "UncountedQueue").left_by(f))
    with flow() as again:
        analytics.put(data)
    again.settle(hurry=True)
    assert analytics.counted(album) == {"clicks": 1, "clicks_open": 1}


@pytest.mark.parametrize(
    "poison",
    [
        b"\x00\xff no JSON, nor even text",
        b'{"click_id": "1", "surprise": true}',
        json.dumps(click_on("album-of-poison") | {"kind": "steal"}).encode(),
    ],
    ids=["bytes", "fields", "kind"],
)
def test_poison_record_is_given_up_and_others_are_counted(
    flow: NewFlow, analytics: Analytics, queue: Queues, poison: bytes
):
    album = unique_album()
    clicks = [click_on(album) for _ in range(6)]
    with flow() as f:
        puts = analytics.put(*clicks[:3], poison, *clicks[3:])
    f.settle(hurry=True)
    assert analytics.counted(album) == {"clicks": 6, "clicks_open": 6}
    for one, mine in zip(sorted(analytics.archived(album), key=str), sorted(clicks, key=str), strict=True):
        assert one == mine
    # Both consumers give up that record and no other, each in its own queue.
    for logical_id in ("UncountedQueue", "UnarchivedQueue"):
        [pointer] = queue("analytics", logical_id).left_by(f)
        assert pointer.body["KinesisBatchInfo"]["startSequenceNumber"] == puts[3].sequence_number
        assert analytics.given_up([pointer]) == [poison]


def _batch(*clicks: tuple[Put, dict[str, Any]]) -> dict[str, Any]:
    """Records as Lambda hands them to a function (https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html)."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": click["visitor"],
                    "sequenceNumber": put.sequence_number,
                    "data": base64.b64encode(json.dumps(click).encode()).decode(),
                    "approximateArrivalTimestamp": 1767225600.0,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{put.shard_id}:{put.sequence_number}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::000000000000:role/lumen",
                "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
            }
            for put, click in clicks
        ]
    }


def _deliver(aws: Callable[[str], Any], function: str, event: dict[str, Any]) -> None:
    answer = aws("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read().decode()


def _records(album_id: str, count: int) -> list[tuple[Put, dict[str, Any]]]:
    """Records of a separate shard."""
    shard = f"shardId-{uuid.uuid4().hex[:12]}"
    return [(Put(shard, f"{n:056d}"), click_on(album_id)) for n in range(count)]


def test_a_batch_that_is_delivered_twice_is_archived_once(aws: Callable[[str], Any], analytics: Analytics):
    album, function = unique_album(), analytics.physical_id("ArchiveFunction")
    records = _records(album, 3)
    for _time in range(2):
        _deliver(aws, function, _batch(*records))
    assert analytics.archived(album) == [click for _put, click in records]
    # It is found by its day.
    assert {key.split("/")[1] for key, _click in analytics.archived_with_keys(album)} == {"date=2026-01-01"}


def test_batch_halved_after_archiving_is_archived_once(aws: Callable[[str], Any], analytics: Analytics):
    album, function = unique_album(), analytics.physical_id("ArchiveFunction")
    records = _records(album, 4)
    for part in (records, records[:2], records[2:]):
        _deliver(aws, function, _batch(*part))
    archived = analytics.archived(album)
    assert sorted(archived, key=str) == sorted((click for _put, click in records), key=str)


def test_a_batch_that_is_delivered_twice_is_counted_once(
    flow: NewFlow, aws: Callable[[str], Any], analytics: Analytics
):
    album, function = unique_album(), analytics.physical_id("AggregateFunction")
    records = _records(album, 3)
    with flow() as f:
        for _time in range(2):
            _deliver(aws, function, _batch(*records))
    f.settle(hurry=True)
    assert analytics.counted(album) == {"clicks": 3, "clicks_open": 3}
    assert [analytics.journey(click["visitor"]) for _put, click in records] == [["open"]] * 3
    assert len(f.find(Kind.INVOCATION, name=function)) == 2
