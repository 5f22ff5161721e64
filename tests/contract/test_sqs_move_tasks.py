"""Redrive of a dead-letter queue: message move tasks.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
"""

import json

import pytest
from botocore.exceptions import ClientError

from harness.journal.records import Kind
from tests.contract.functions import Queue


@pytest.fixture
def sqs(aws):
    return aws("sqs")


@pytest.fixture
def dead(sqs, queue):
    """The dead-letter queue of `queue`, which moves a message there when it is received again."""
    made = Queue(sqs)
    policy = json.dumps({"deadLetterTargetArn": made.arn, "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    yield made
    sqs.delete_queue(QueueUrl=made.url)


def die(sqs, queue, dead, *bodies):
    """Messages that exceeded maxReceiveCount by one."""
    for body in bodies:
        sqs.send_message(QueueUrl=queue.url, MessageBody=body)
    for _ in range(2 * len(bodies)):
        sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10)
    counted = sqs.get_queue_attributes(QueueUrl=dead.url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == str(len(bodies))


def refused(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Message"]


def test_dead_letters_go_back_to_the_queue_that_they_came_from(sqs, queue, dead, flow):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html"""
    die(sqs, queue, dead, "one", "two")
    with flow() as f:
        sqs.start_message_move_task(SourceArn=dead.arn)
    f.settle()
    assert len(f.find(Kind.DELIVERY)) == 2
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": "", "VisibilityTimeout": "30"})
    assert {queue.receive()["Body"], queue.receive()["Body"]} == {"one", "two"}
    [task] = sqs.list_message_move_tasks(SourceArn=dead.arn)["Results"]
    assert (task["Status"], task["SourceArn"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", dead.arn, 2)
    # Only of a task that runs.
    assert "TaskHandle" not in task


def test_dead_letters_go_where_the_task_says(sqs, queue, dead, flow):
    die(sqs, queue, dead, "one")
    other = Queue(sqs)
    with flow() as f:
        sqs.start_message_move_task(SourceArn=dead.arn, DestinationArn=other.arn)
    f.settle()
    assert other.receive()["Body"] == "one"
    sqs.delete_queue(QueueUrl=other.url)


def test_a_move_task_that_is_slow_can_be_cancelled(sqs, queue, dead):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html"""
    die(sqs, queue, dead, *map(str, range(60)))
    handle = sqs.start_message_move_task(SourceArn=dead.arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    [running] = sqs.list_message_move_tasks(SourceArn=dead.arn)["Results"]
    assert (running["Status"], running["TaskHandle"]) == ("RUNNING", handle)
    again = refused(sqs.start_message_move_task, SourceArn=dead.arn)
    assert "There is already a task running" in again
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] < 60
    [task] = sqs.list_message_move_tasks(SourceArn=dead.arn)["Results"]
    assert task["Status"] in ("CANCELLING", "CANCELLED")


def test_a_queue_that_is_no_dead_letter_queue_is_no_source(sqs, queue):
    said = refused(sqs.start_message_move_task, SourceArn=queue.arn)
    assert said == "Source queue must be configured as a Dead Letter Queue."
