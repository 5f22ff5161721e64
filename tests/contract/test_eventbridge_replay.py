"""The archive of a bus and the replay of what is in it
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html)."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

NAMES = "archive-contract"


@pytest.fixture
def bus(aws):
    """A separate bus with an archive, and a queue that gets every event."""
    events, sqs, name = aws("events"), aws("sqs"), f"{NAMES}-{uuid.uuid4().hex[:12]}"
    made = {"name": name, "arn": events.create_event_bus(Name=name)["EventBusArn"]}
    made["archive"] = events.create_archive(ArchiveName=name, EventSourceArn=made["arn"])["ArchiveArn"]
    made["queue"] = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=made["queue"], AttributeNames=["QueueArn"])["Attributes"]
    let_in = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**let_in, "Resource": attributes["QueueArn"]}]}
    sqs.set_queue_attributes(QueueUrl=made["queue"], Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name=name, EventBusName=name, EventPattern='{"source": ["contract"]}')
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}])
    yield made
    events.remove_targets(Rule=name, EventBusName=name, Ids=["queue"])
    events.delete_rule(Name=name, EventBusName=name)
    events.delete_archive(ArchiveName=name)
    events.delete_event_bus(Name=name)
    sqs.delete_queue(QueueUrl=made["queue"])


def _put(aws, bus, number, time):
    entry = {"EventBusName": bus["name"], "Source": "contract", "DetailType": "Counted", "Time": time}
    answer = aws("events").put_events(Entries=[entry | {"Detail": json.dumps({"number": number})}])
    assert answer["FailedEntryCount"] == 0


def _next(aws, bus):
    answer = aws("sqs").receive_message(QueueUrl=bus["queue"], WaitTimeSeconds=10)
    [message] = answer["Messages"]
    aws("sqs").delete_message(QueueUrl=bus["queue"], ReceiptHandle=message["ReceiptHandle"])
    return json.loads(message["Body"])


def test_replay_sends_events_of_its_period_with_replay_name(aws, bus):
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
    for number in range(3):
        _put(aws, bus, number, minute + timedelta(minutes=10 * number))
        assert _next(aws, bus)["detail"] == {"number": number}
    aws("events").start_replay(
        ReplayName=bus["name"],
        EventSourceArn=bus["archive"],
        EventStartTime=minute + timedelta(minutes=9),
        EventEndTime=minute + timedelta(minutes=19),
        Destination={"Arn": bus["arn"]},
    )
    replayed = _next(aws, bus)
    assert (replayed["detail"], replayed["replay-name"]) == ({"number": 1}, bus["name"])
    assert replayed["time"] == (minute + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    described = aws("events").describe_replay(ReplayName=bus["name"])
    assert described["State"] == "COMPLETED"
    # What comes next is no second replayed event.
    _put(aws, bus, 3, minute)
    assert _next(aws, bus)["detail"] == {"number": 3}
