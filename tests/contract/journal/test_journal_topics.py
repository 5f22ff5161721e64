"""What a topic makes of a message (https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html)."""

import json
import uuid

import pytest

from harness.journal.records import Kind, Phase
from tests.contract.functions import Queue


@pytest.fixture
def sns(aws):
    return aws("sns")


@pytest.fixture
def topic(sns):
    arn = sns.create_topic(Name=f"journal-{uuid.uuid4().hex[:12]}")["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


@pytest.fixture
def subscribe(sns, topic):
    def make(protocol, endpoint, **attributes):
        return sns.subscribe(
            TopicArn=topic, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True, Attributes=attributes
        )["SubscriptionArn"]

    return make


def test_a_filter_policy_says_of_each_message_whether_it_passes(sns, topic, subscribe, queue, journal):
    policy = {"size": ["large"]}
    arn = subscribe("sqs", queue.arn, FilterPolicy=json.dumps(policy))
    for size in ("small", "large"):
        attributes = {"size": {"DataType": "String", "StringValue": size}}
        sent = sns.publish(TopicArn=topic, Message="hello", MessageAttributes=attributes)["MessageId"]
        said = journal.wait(Kind.DECISION, lambda r, sent=sent: r.data.get("message_id") == sent)
        assert (said.resource, said.data["passed"]) == (arn, size == "large")
        assert (said.data.get("reason"), said.data["scope"]) == (
            None if size == "large" else "FilterPolicy",
            "MessageAttributes",
        )
        assert said.data["pattern"] == policy
        assert said.data["attributes"]["size"]["StringValue"] == size
        assert journal.causes(said)[0].name == "Publish"


def test_a_delivery_to_a_queue_is_the_cause_of_the_message_there(sns, topic, subscribe, queue, journal):
    arn = subscribe("sqs", queue.arn, RawMessageDelivery="true")
    message = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
    assert queue.receive()["Body"] == "hello"
    sent = journal.wait(Kind.CALL, lambda r: r.name == "SendMessage" and r.resource == queue.url, Phase.BEGIN)
    delivery, publish = journal.causes(sent)
    assert (delivery.kind, delivery.resource) == (Kind.DELIVERY, arn)
    assert (delivery.data["source"], delivery.data["target"]) == (topic, queue.arn)
    assert (delivery.data["raw"], delivery.data["message_ids"]) == (True, [message])
    assert publish.name == "Publish"


def test_undeliverable_topic_message_is_dead_lettered(sns, topic, subscribe, queue, aws, journal):
    """https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html"""
    gone = Queue(aws("sqs"))
    arn = subscribe("sqs", gone.arn, RedrivePolicy=json.dumps({"deadLetterTargetArn": queue.arn}))
    gone.client.delete_queue(QueueUrl=gone.url)
    sns.publish(TopicArn=topic, Message="hello")
    queue.receive()
    note = journal.wait(Kind.DEAD_LETTER, lambda r: r.resource == arn)
    assert (note.data["source"], note.data["target"]) == (gone.arn, queue.arn)
    assert "NonExistentQueue" in note.data["error"]["message"]
    delivery = journal.causes(note)[0]
    assert journal.end(delivery).data["error"]["code"] == "DeliveryFailed"
    kept = journal.wait(Kind.CALL, lambda r: r.name == "SendMessageBatch" and r.resource == queue.url, Phase.BEGIN)
    assert kept.cause == note.activity


def test_message_without_dead_letter_queue_is_recorded_as_lost(sns, topic, subscribe, aws, journal):
    gone = Queue(aws("sqs"))
    arn = subscribe("sqs", gone.arn)
    gone.client.delete_queue(QueueUrl=gone.url)
    sns.publish(TopicArn=topic, Message="hello")
    note = journal.wait(Kind.DEAD_LETTER, lambda r: r.resource == arn)
    assert "target" not in note.data


def test_a_text_message_is_recorded_as_it_left(sns, topic, subscribe, journal):
    number = f"+1202555{uuid.uuid4().int % 10_000:04}"
    subscribe("sms", number)
    sns.publish(TopicArn=topic, Message="hello")
    note = journal.wait(Kind.MESSAGE, lambda r: r.resource == number)
    assert (note.service, note.name, note.data["text"]) == ("sns", "sms", "hello")
    assert [r.kind for r in journal.causes(note)] == [Kind.DELIVERY, Kind.CALL]


def test_unconfirmed_subscription_gets_no_message_and_says_why(sns, topic, subscribe, journal):
    """https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html"""
    arn = subscribe("http", "http://127.0.0.1:9/nobody")
    sns.publish(TopicArn=topic, Message="hello")
    note = journal.wait(Kind.DECISION, lambda r: r.resource == arn)
    assert (note.data["passed"], note.data["reason"]) == (False, "PendingConfirmation")
