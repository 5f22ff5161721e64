"""A block of a fixture ends when everything that it caused is settled."""

import json

import pytest

from harness.errors import FlowTimeoutError
from harness.journal.records import Kind

FAILS = """
def handler(event, context):
    raise ValueError("not today")
"""


def test_block_is_settled_when_it_ends(settled, function, queue, aws):
    made = function(FAILS, DeadLetterConfig={"TargetArn": queue.arn})
    with settled():
        made.send({"n": 1})
    [dead] = aws("sqs").receive_message(QueueUrl=queue.url)["Messages"]
    assert json.loads(dead["Body"]) == {"n": 1}


def test_a_block_that_fails_says_its_own_error(settled):
    with pytest.raises(ValueError, match="of the block"), settled():
        raise ValueError("of the block")


def test_in_a_flow_of_the_test_it_is_the_test_that_settles(flow, settled, function, queue, aws):
    mapping = aws("lambda").create_event_source_mapping(
        FunctionName=function("def handler(event, context): pass\n").name, EventSourceArn=queue.arn
    )["UUID"]
    try:
        with flow() as f, settled():
            aws("sqs").send_message(QueueUrl=queue.url, MessageBody="later", DelaySeconds=900)
        with pytest.raises(FlowTimeoutError, match="delayed message"):
            f.settle()
        f.settle(hurry=True)
        assert len(f.find(Kind.INVOCATION)) == 1
    finally:
        aws("lambda").delete_event_source_mapping(UUID=mapping)
