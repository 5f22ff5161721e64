"""Text messages: one topic fans registrations out to the queue of everything and to users who requested a message."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.people import People, Person, unique_phone_number
from fixtures.services import Bus, Queues, event_bridge_event, user_registered
from harness import Deployment, Faults, NewFlow, Outbox

REFUSED = "AuthorizationError"
"""SNS's refusal of a call, which the SDK does not repeat (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html)."""


def _wants_texts(**attributes: str) -> Person:
    return Person(attributes={"phone_number": unique_phone_number(), "custom:sms_welcome": "true", **attributes})


def _to(person: Person) -> str:
    """A fault's condition: only text messages to this person fail."""
    return f"PhoneNumber == '{person.attributes['phone_number']}'"


def _registered(person: Person) -> dict[str, Any]:
    """The domain event of a user who requested text messages."""
    return user_registered(person, phone_number=person.attributes["phone_number"], wants_text_messages=True)


def test_user_who_wants_texts_receives_welcome_message(flow: NewFlow, people: People, outbox: Outbox):
    with flow() as f:
        person = people.registered(_wants_texts())
    f.settle()
    [message] = outbox.read(recipient=person.attributes["phone_number"])
    assert (message.channel, "Welcome to Lumen" in (message.text or "")) == ("sms", True)


@pytest.mark.parametrize("wish", [None, "false"])
def test_a_phone_number_without_the_wish_gets_no_text_message(
    flow: NewFlow, people: People, outbox: Outbox, queue: Queues, wish: str | None
):
    attributes = {"phone_number": unique_phone_number()} | ({"custom:sms_welcome": wish} if wish else {})
    with flow() as f:
        silent = people.registered(Person(attributes=attributes))
    f.settle()
    # It went through the topic, and no further.
    [audited] = queue("notifications", "AuditQueue").left_by(f)
    assert audited.body["detail"]["data"]["email"] == silent.address
    assert queue("notifications", "SmsQueue").left_by(f) == []
    assert outbox.read(recipient=silent.attributes["phone_number"]) == []


def test_audit_queue_gets_all_registrations_and_sms_the_filtered(
    flow: NewFlow, bus: Bus, faults: Faults, outbox: Outbox, queue: Queues
):
    """Its text message fails, so that what the filter let through is seen whole in the consumer's dead-letter queue."""
    wanting, plain = _wants_texts(), Person(attributes={"phone_number": unique_phone_number()})
    events = {
        wanting.address: _registered(wanting),
        plain.address: user_registered(plain, phone_number=plain.attributes["phone_number"]),
    }
    dead_letters = queue("notifications", "SmsDeadLetterQueue")
    with dead_letters.undisturbed(), faults.failing("sns", "Publish", code=REFUSED, when=_to(wanting)), flow() as f:
        for event in events.values():
            bus.put("UserRegistered", "lumen.users", event)
        # Each failed attempt hides the message for minutes, which are over at once here.
        f.settle(hurry=True)
        audited = [message.body["detail"] for message in queue("notifications", "AuditQueue").left_by(f)]
        assert {event["data"]["email"]: event for event in audited} == events
        assert len(audited) == len(events)
        [dead] = dead_letters.left_by(f)
    assert dead.body["detail"] == events[wanting.address]
    # The function would have sent it: only the filter policy checks whether a user wants text messages.
    assert outbox.read(recipient=plain.attributes["phone_number"]) == []


def _batch(*people: Person) -> dict[str, Any]:
    """Messages as SQS hands them to a function, each with the person's address as its id
    (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)."""
    return {
        "Records": [
            {
                "messageId": person.address,
                "receiptHandle": "handle",
                "body": json.dumps(event_bridge_event(_registered(person))),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:text-messages",
                "awsRegion": "us-east-1",
            }
            for person in people
        ]
    }


def test_only_failed_message_of_a_batch_is_redelivered(
    aws: Callable[[str], Any], deployment: Deployment, faults: Faults, outbox: Outbox
):
    crowd = [_wants_texts() for _ in range(3)]
    unlucky = crowd[1]
    function = deployment["notifications"].resources["TextMessageFunction"].physical_id
    with faults.failing("sns", "Publish", code=REFUSED, when=_to(unlucky)):
        answer = aws("lambda").invoke(FunctionName=function, Payload=json.dumps(_batch(*crowd)))
        assert json.load(answer["Payload"]) == {"batchItemFailures": [{"itemIdentifier": unlucky.address}]}
    sent = {person.address: len(outbox.read(recipient=person.attributes["phone_number"])) for person in crowd}
    assert sent == {person.address: int(person is not unlucky) for person in crowd}


def test_failing_text_message_is_dead_lettered_and_others_sent(
    flow: NewFlow, aws: Callable[[str], Any], faults: Faults, outbox: Outbox, queue: Queues
):
    crowd = [_wants_texts() for _ in range(4)]
    unlucky = crowd[2]
    dead_letters = queue("notifications", "SmsDeadLetterQueue")
    with dead_letters.undisturbed(), faults.failing("sns", "Publish", code=REFUSED, when=_to(unlucky)), flow() as f:
        aws("sqs").send_message_batch(
            QueueUrl=queue("notifications", "SmsQueue").url,
            Entries=[
                {"Id": str(n), "MessageBody": json.dumps(event_bridge_event(_registered(person)))}
                for n, person in enumerate(crowd)
            ],
        )
        f.settle(hurry=True)
        [dead] = dead_letters.left_by(f)
        sent = {person.address: len(outbox.read(recipient=person.attributes["phone_number"])) for person in crowd}
    assert dead.body["detail"]["data"]["email"] == unlucky.address
    assert sent == {person.address: int(person is not unlucky) for person in crowd}


def test_a_dead_text_message_is_sent_once_it_is_moved_back(
    flow: NewFlow, bus: Bus, faults: Faults, outbox: Outbox, queue: Queues
):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html"""
    person = _wants_texts()
    dead_letters = queue("notifications", "SmsDeadLetterQueue")
    with dead_letters.alone():
        with faults.failing("sns", "Publish", code=REFUSED, when=_to(person)), flow() as f:
            bus.put("UserRegistered", "lumen.users", _registered(person))
            f.settle(hurry=True)
        assert len(dead_letters.left_by(f)) == 1
        assert outbox.read(recipient=person.attributes["phone_number"]) == []
        with flow() as moved:
            dead_letters.move_back()
        moved.settle()
        assert dead_letters.left_by(f) == []
    assert len(outbox.read(recipient=person.attributes["phone_number"])) == 1
