"""What happens to a message in a queue
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html)."""

import json
import uuid

import pytest

from harness.journal.records import Kind, Phase
from tests.contract.functions import Queue


@pytest.fixture
def sqs(aws):
    return aws("sqs")


@pytest.fixture
def dead_letters(queue, sqs):
    """A second queue, to which the first moves what was received twice."""
    made = Queue(sqs)
    policy = {"deadLetterTargetArn": made.arn, "maxReceiveCount": 2}
    attributes = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "0"}
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)
    yield made
    sqs.delete_queue(QueueUrl=made.url)


@pytest.fixture
def fifo(sqs):
    name = f"journal-{uuid.uuid4().hex[:12]}.fifo"
    url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def _send(sqs, queue):
    return sqs.send_message(QueueUrl=queue.url, MessageBody="hello")["MessageId"]


def _end(journal, name, queue):
    begin = journal.wait(Kind.CALL, lambda r: r.name == name and r.resource == queue.url, Phase.BEGIN)
    return journal.end(begin)


def test_a_client_that_receives_and_deletes_takes_the_message_up(queue, sqs, journal):
    mark = f"message:{queue.arn}:{_send(sqs, queue)}"
    assert _end(journal, "SendMessage", queue).leaves == (mark,)
    queue.receive()
    assert _end(journal, "ReceiveMessage", queue).takes == (mark,)
    assert _end(journal, "DeleteMessage", queue).takes == (mark,)


def test_a_batch_leaves_the_messages_that_were_sent(queue, sqs, journal):
    entries = [{"Id": one, "MessageBody": one} for one in "ab"]
    sent = sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)["Successful"]
    left = _end(journal, "SendMessageBatch", queue).leaves
    assert left == tuple(f"message:{queue.arn}:{one['MessageId']}" for one in sent)


def test_a_purge_takes_every_message(queue, sqs, journal):
    sent = {f"message:{queue.arn}:{_send(sqs, queue)}" for _ in range(3)}
    sqs.purge_queue(QueueUrl=queue.url)
    assert set(_end(journal, "PurgeQueue", queue).takes) == sent


def test_message_received_too_often_is_dead_lettered(queue, dead_letters, sqs, journal):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"""
    sent = _send(sqs, queue)
    for _ in range(2):
        assert sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=5)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue.url)
    note = journal.wait(Kind.DEAD_LETTER, lambda r: r.resource == queue.arn)
    assert note.takes == (f"message:{queue.arn}:{sent}",)
    assert note.leaves == (f"message:{dead_letters.arn}:{sent}",)
    assert note.data == {
        "source": queue.arn,
        "target": dead_letters.arn,
        "reason": "MaxReceiveCountExceeded",
        "receive_count": 2,
        "event": "hello",
    }
    assert journal.causes(note)[0].name == "ReceiveMessage"


def test_move_task_returns_message_from_dead_letter_queue(queue, dead_letters, sqs, journal):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html"""
    sent = _send(sqs, queue)
    for _ in range(3):
        sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=1)
    sqs.start_message_move_task(SourceArn=dead_letters.arn)
    moved = journal.wait(Kind.DELIVERY, lambda r: r.service == "sqs" and r.resource == queue.arn)
    assert moved.takes == (f"message:{dead_letters.arn}:{sent}",)
    assert moved.leaves == (f"message:{queue.arn}:{sent}",)
    assert journal.causes(moved)[0].name == "StartMessageMoveTask"


def test_a_duplicate_leaves_no_message_and_names_the_first(fifo, sqs, journal):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html"""
    message = {"QueueUrl": fifo, "MessageBody": "once", "MessageGroupId": "a", "MessageDeduplicationId": "one"}
    first = sqs.send_message(**message)["MessageId"]
    sqs.send_message(**message)
    arn = f"arn:aws:sqs:us-east-1:000000000000:{fifo.rpartition('/')[2]}"
    note = journal.wait(Kind.DECISION, lambda r: r.resource == arn)
    assert (note.name, note.data["passed"], note.data["first"]) == ("deduplication", False, first)
    begun = [r for r in journal.all() if r.resource == fifo and r.name == "SendMessage"]
    assert [journal.end(r).leaves for r in begun] == [(f"message:{arn}:{first}",), ()]
    assert note.cause == begun[1].activity


def test_a_delayed_message_says_when_it_comes(queue, sqs, journal):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html"""
    sqs.send_message(QueueUrl=queue.url, MessageBody="later", DelaySeconds=900)
    timer = journal.wait(Kind.TIMER, lambda r: r.resource == queue.arn)
    sent = _end(journal, "SendMessage", queue)
    assert timer.leaves == sent.leaves
    assert timer.data["what"] == "delayed message"
    assert timer.data["when"] == pytest.approx(sent.at + 900, abs=60)
