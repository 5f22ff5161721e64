"""When a flow has come to rest: as soon as nothing of it goes on, and not before."""

import json
import uuid

import pytest

from harness.flow import FlowTimeoutError
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


def test_an_event_that_is_given_up_has_come_to_rest_in_its_dead_letter_queue(flow, function, queue, aws):
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


def test_a_message_that_a_function_consumes_has_come_to_rest_when_it_was_handled(
    flow, function, queue, other_queue, aws
):
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


def test_a_message_that_a_filter_refuses_has_come_to_rest(flow, function, queue, other_queue, aws):
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


def test_a_message_that_nobody_consumes_is_at_rest(flow, queue, aws):
    with flow() as f:
        aws("sqs").send_message(QueueUrl=queue.url, MessageBody="parked")
    assert f.settle().pending() == []


def test_a_flow_that_does_not_settle_says_what_is_pending_and_why(flow, function, queue, aws):
    made = function(FAILS)
    mapping = _mapping(aws, made, queue)
    try:
        with flow() as f:
            aws("sqs").send_message(QueueUrl=queue.url, MessageBody="again and again")
        with pytest.raises(FlowTimeoutError) as error:
            f.settle(timeout_seconds=5)
        assert f"a message in {queue.arn} that {made.name} failed on, and that comes again" in str(error.value)
    finally:
        aws("lambda").delete_event_source_mapping(UUID=mapping)
