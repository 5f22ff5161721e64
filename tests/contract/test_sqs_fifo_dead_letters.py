"""Moving to a dead-letter queue and back, where the queues are FIFO.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
"""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.journal.records import Kind


@dataclass(frozen=True)
class Queues:
    sqs: Any
    source: str
    dead: str

    def send(self, body: str, *, group: str, deduplication_id: str) -> None:
        self.sqs.send_message(
            QueueUrl=self.source, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=deduplication_id
        )

    def receive(self, url: str, **options: Any) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], **options
        )
        return list(answer.get("Messages", []))

    def give_up(self) -> list[dict[str, Any]]:
        """Receive once and let go; the next attempt moves them. Returns what is dead then, and leaves it there."""
        for message in self.receive(self.source):
            self.sqs.change_message_visibility(
                QueueUrl=self.source, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        assert self.receive(self.source) == []
        return self.receive(self.dead, VisibilityTimeout=0)

    def arn(self, url: str) -> str:
        return str(self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


@pytest.fixture
def queues(aws: Callable[[str], Any]) -> Iterator[Queues]:
    sqs, name = aws("sqs"), f"contract-{uuid.uuid4().hex[:12]}"
    dead = sqs.create_queue(QueueName=f"{name}-dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    source = sqs.create_queue(
        QueueName=f"{name}.fifo",
        Attributes={
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}),
        },
    )["QueueUrl"]
    yield Queues(sqs, source, dead)
    for url in (source, dead):
        sqs.delete_queue(QueueUrl=url)


def test_a_dead_message_is_deduplicated_by_its_own_id(queues):
    """So two that share a deduplication id are both kept."""
    for group in ("a", "b"):
        queues.send(group, group=group, deduplication_id="same")
    dead = queues.give_up()
    assert {message["Body"] for message in dead} == {"a", "b"}
    for message in dead:
        assert message["Attributes"]["MessageDeduplicationId"] == message["MessageId"]


def test_redriven_fifo_message_may_be_dead_lettered_again(flow, queues):
    queues.send("stubborn", group="a", deduplication_id="once")
    for _time in range(2):
        assert [message["Body"] for message in queues.give_up()] == ["stubborn"]
        with flow() as f:
            queues.sqs.start_message_move_task(SourceArn=queues.arn(queues.dead))
        f.settle()
        assert f.find(Kind.DECISION, service="sqs") == []
    [back] = queues.receive(queues.source)
    assert back["Body"] == "stubborn"
