"""The timer that ends a visibility timeout
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html)."""

import uuid

import pytest

from harness.errors import EngineError


@pytest.fixture
def queue_url(aws):
    url = aws("sqs").create_queue(QueueName=f"visibility-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    yield url
    aws("sqs").delete_queue(QueueUrl=url)


def _receive(aws, url, wait_seconds=0):
    answer = aws("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=wait_seconds
    )
    return [message["Body"] for message in answer.get("Messages", ())]


def test_message_in_flight_is_visible_at_once_when_fired(aws, fire, queue_url):
    for body in ("wanted", "other"):
        aws("sqs").send_message(QueueUrl=queue_url, MessageBody=body)
    received = _receive(aws, queue_url)
    while len(received) < 2:
        received += _receive(aws, queue_url, wait_seconds=1)
    assert fire("sqs-visibility-timeout", queue_url=queue_url, body_contains="want") == {"shown": 1}
    assert _receive(aws, queue_url, wait_seconds=5) == ["wanted"]
    assert _receive(aws, queue_url) == []


def test_visible_message_is_unchanged_by_fire(aws, fire, queue_url):
    aws("sqs").send_message(QueueUrl=queue_url, MessageBody="here")
    assert fire("sqs-visibility-timeout", queue_url=queue_url, body_contains="here") == {"shown": 0}
    assert _receive(aws, queue_url, wait_seconds=5) == ["here"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "queue_url"),
        ({"queue_url": "http://127.0.0.1/000000000000/nowhere"}, "body_contains"),
        ({"queue_url": "http://127.0.0.1/000000000000/nowhere", "body_contains": "a"}, "no queue"),
        ({"queue_url": "nonsense", "body_contains": "a"}, "not the URL of a queue"),
        ({"queue_url": "http://127.0.0.1/000000000000/nowhere", "body_contains": "a", "all": True}, "not all"),
    ],
)
def test_invalid_fire_request_says_why(fire, parameters, said):
    with pytest.raises(EngineError, match=said):
        fire("sqs-visibility-timeout", **parameters)
