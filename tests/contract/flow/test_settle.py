"""When a flow is settled: as soon as none of its activities is in progress, and not before."""

import json
import uuid

import boto3
import pytest

from harness.errors import EmptyFlowError, FlowTimeoutError
from harness.flow import Flows
from harness.journal.records import Kind

FAILS = """
def handler(event, context):
    raise ValueError("not today")
"""
FORWARDS = """
import os, boto3
def handler(event, context):
    for record in event["Records"]:
        boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=record["body"])
"""
SAYS_HOW_MANY = """
import os, boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=str(len(event["Records"])))
"""


def _mapping(aws, function, queue, **options):
    made = aws("lambda").create_event_source_mapping(
        FunctionName=function.name, EventSourceArn=queue.arn, BatchSize=1, **options
    )
    return made["UUID"]


@pytest.fixture
def other_queue(aws):
    url = aws("sqs").create_queue(QueueName=f"contract-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    yield url
    aws("sqs").delete_queue(QueueUrl=url)


def test_settle_ends_when_event_is_in_its_dead_letter_queue(flow, function, queue, aws):
    made = function(FAILS, DeadLetterConfig={"TargetArn": queue.arn})
    with flow() as f:
        aws("lambda").invoke(FunctionName=made.name, InvocationType="Event", Payload=b'{"n": 1}')
    f.settle()
    assert len(f.find(Kind.INVOCATION)) == 3
    [given_up] = f.find(Kind.DEAD_LETTER)
    assert given_up.data["reason"] == "RetriesExhausted"
    # It is there, without waiting.
    [dead] = aws("sqs").receive_message(QueueUrl=queue.url)["Messages"]
    assert json.loads(dead["Body"]) == {"n": 1}


def test_settle_ends_when_consumed_message_is_handled(flow, function, queue, other_queue, aws):
    made = function(FORWARDS, Environment={"Variables": {"QUEUE": other_queue}})
    mapping = _mapping(aws, made, queue)
    try:
        with flow() as f:
            aws("sqs").send_message(QueueUrl=queue.url, MessageBody="through")
        f.settle()
        [forwarded] = aws("sqs").receive_message(QueueUrl=other_queue)["Messages"]
        assert forwarded["Body"] == "through"
    finally:
        aws("lambda").delete_event_source_mapping(UUID=mapping)


def test_settle_ends_for_message_refused_by_a_filter(flow, function, queue, other_queue, aws):
    made = function(FORWARDS, Environment={"Variables": {"QUEUE": other_queue}})
    criteria = {"Filters": [{"Pattern": json.dumps({"body": {"wanted": [True]}})}]}
    mapping = _mapping(aws, made, queue, FilterCriteria=criteria)
    try:
        with flow() as f:
            aws("sqs").send_message(QueueUrl=queue.url, MessageBody=json.dumps({"wanted": False}))
        f.settle()
        assert f.find(Kind.INVOCATION) == []
        assert "Messages" not in aws("sqs").receive_message(QueueUrl=other_queue)
    finally:
        aws("lambda").delete_event_source_mapping(UUID=mapping)


def test_settle_ends_for_message_without_consumer(flow, queue, aws):
    with flow() as f:
        aws("sqs").send_message(QueueUrl=queue.url, MessageBody="parked")
    assert f.settle().pending() == []


def test_settle_timeout_reports_what_is_pending_and_why(flow, function, queue, aws):
    made = function(FAILS)
    mapping = _mapping(aws, made, queue)
    try:
        with flow() as f:
            aws("sqs").send_message(QueueUrl=queue.url, MessageBody="again and again")
        with pytest.raises(FlowTimeoutError) as error:
            f.settle(timeout_seconds=20)
        assert f"a message in {queue.arn} that {made.name} failed on, and that comes again" in str(error.value)
    finally:
        aws("lambda").delete_event_source_mapping(UUID=mapping)


def test_settle_waits_for_a_delivery_to_be_retried(flow, faults, queue, other_queue, aws):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html"""
    name = f"contract-{uuid.uuid4().hex[:12]}"
    arn = aws("sqs").get_queue_attributes(QueueUrl=other_queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}
    aws("sqs").set_queue_attributes(QueueUrl=other_queue, Attributes={"Policy": json.dumps(policy)})
    aws("events").put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    target = {"Id": "1", "Arn": arn, "RetryPolicy": {"MaximumRetryAttempts": 1}, "DeadLetterConfig": {"Arn": queue.arn}}
    aws("events").put_targets(Rule=name, Targets=[target])
    refused = f"ends_with(QueueUrl, '/{other_queue.rpartition('/')[2]}')"
    try:
        with faults.failing("sqs", "SendMessage", code="ServiceUnavailable", status=503, when=refused):
            with flow() as f:
                aws("events").put_events(Entries=[{"Source": name, "DetailType": "made", "Detail": "{}"}])
            f.settle()
        assert [delivery.data["attempt"] for delivery in f.find(Kind.DELIVERY, service="events")] == [1, 2]
        assert aws("sqs").receive_message(QueueUrl=queue.url)["Messages"]
    finally:
        aws("events").remove_targets(Rule=name, Ids=["1"])
        aws("events").delete_rule(Name=name)


def test_settle_waits_for_stream_consumers_of_an_item(flow, function, queue, aws):
    made = function(SAYS_HOW_MANY, Environment={"Variables": {"QUEUE": queue.url}})
    name = f"contract-{uuid.uuid4().hex[:12]}"
    table = aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    mapping = aws("lambda").create_event_source_mapping(
        FunctionName=made.name, EventSourceArn=table["LatestStreamArn"], StartingPosition="TRIM_HORIZON"
    )["UUID"]
    try:
        with flow() as f:
            for number in range(3):
                aws("dynamodb").put_item(TableName=name, Item={"id": {"S": str(number)}})
        f.settle()
        assert _sum_of(aws, queue) == 3
    finally:
        aws("lambda").delete_event_source_mapping(UUID=mapping)
        aws("dynamodb").delete_table(TableName=name)


def test_settle_waits_for_kinesis_record_to_be_handled(flow, function, queue, aws):
    made = function(SAYS_HOW_MANY, Environment={"Variables": {"QUEUE": queue.url}})
    name = f"contract-{uuid.uuid4().hex[:12]}"
    aws("kinesis").create_stream(StreamName=name, ShardCount=1)
    aws("kinesis").get_waiter("stream_exists").wait(StreamName=name)
    arn = aws("kinesis").describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
    mapping = aws("lambda").create_event_source_mapping(
        FunctionName=made.name, EventSourceArn=arn, StartingPosition="TRIM_HORIZON"
    )["UUID"]
    try:
        with flow() as f:
            for number in range(3):
                aws("kinesis").put_record(StreamName=name, PartitionKey="p", Data=str(number).encode())
        f.settle()
        assert _sum_of(aws, queue) == 3
    finally:
        aws("lambda").delete_event_source_mapping(UUID=mapping)
        aws("kinesis").delete_stream(StreamName=name)


def _sum_of(aws, queue) -> int:
    """What the messages say that are in a queue now, together."""
    messages = aws("sqs").receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10).get("Messages", [])
    return sum(int(message["Body"]) for message in messages)


def test_settle_without_recorded_activity_raises(flow, engine):
    strange = boto3.client(
        "sqs", endpoint_url=engine.endpoint_url, region_name=engine.region, aws_access_key_id="test",
        aws_secret_access_key="test",
    )  # fmt: skip
    with flow() as f:
        strange.list_queues()
    with pytest.raises(EmptyFlowError, match=r"Nothing of this flow was seen\. Only calls of the target's own clients"):
        f.settle()


def test_settling_inside_of_the_block_adds_nothing_to_the_flow(flow, queue, aws):
    with flow() as f:
        aws("sqs").send_message(QueueUrl=queue.url, MessageBody="one")
        f.settle()
        f.settle()
    assert [root.begin.name for root in f.settle().roots] == ["SendMessage"]


def test_activities_are_dropped_with_the_last_flow(engine, queue, aws):
    flows = Flows(engine)
    flows.open()
    with flows.flow() as one, flows.flow() as other:
        aws("sqs").send_message(QueueUrl=queue.url, MessageBody="of the other")
    other.settle()
    flows.release(one)
    assert other.activities
    flows.release(other)
    assert other.activities == []
    flows.close()
