"""The welcome mail when things go wrong: the mail service fails, events come twice."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fixtures.people import People, Person
from fixtures.queues import Queue, Received
from fixtures.services import Bus, event_bridge_event, user_registered
from harness.deploy import Deployment
from harness.engine import Outbox
from harness.faults import Faults

WELCOME = "(?i)welcome"
PAUSED = "AccountSendingPausedException"
"""SES's refusal of every mail of an account (https://docs.aws.amazon.com/ses/latest/APIReference/API_SendEmail.html)."""


def _to(person: Person) -> str:
    """A fault's condition: only mails to this person fail."""
    return f"contains(Destination.ToAddresses, '{person.address}')"


def _event_of(person: Person) -> Callable[[Received], bool]:
    return lambda received: person.address in json.dumps(received.body)


def test_an_event_that_cannot_be_mailed_ends_whole_in_the_dead_letter_queue(
    bus: Bus, faults: Faults, outbox: Outbox, queue: Callable[[str, str], Queue]
):
    person = Person()
    event = user_registered(person)
    with faults.failing("ses", "SendEmail", code=PAUSED, when=_to(person)) as fault:
        event_id = bus.put("UserRegistered", "lumen.users", event)
        dead = queue("notifications", "WelcomeDeadLetterQueue").wait_for(_event_of(person), what=f"event {event_id}")
        # An asynchronous event has three attempts, and the SDK does not repeat a call that was refused.
        assert fault.struck == 3
    # The message is SNS's envelope around the event exactly as EventBridge gave it to the function.
    delivered = json.loads(dead.body["Message"])
    assert delivered["id"] == event_id
    assert delivered["detail-type"] == "UserRegistered"
    assert delivered["detail"] == event
    assert {"RequestID", "ErrorCode", "ErrorMessage"} <= set(dead.body["MessageAttributes"])
    assert outbox.read(recipient=person.address) == []


def test_a_dead_event_that_is_handed_back_welcomes_once_the_cause_is_mended(
    aws, bus: Bus, deployment: Deployment, faults: Faults, outbox: Outbox, queue: Callable[[str, str], Queue]
):
    person = Person()
    with faults.failing("ses", "SendEmail", code=PAUSED, when=_to(person)):
        bus.put("UserRegistered", "lumen.users", user_registered(person))
        dead = queue("notifications", "WelcomeDeadLetterQueue").wait_for(_event_of(person), what="the event")
    aws("lambda").invoke(
        FunctionName=deployment["notifications"].resources["WelcomeFunction"].physical_id,
        InvocationType="Event",
        Payload=dead.body["Message"],
    )
    outbox.wait_for(recipient=person.address, subject=WELCOME)
    assert len(outbox.read(recipient=person.address)) == 1


@pytest.fixture
def may_send_as_anyone(aws, deployment: Deployment) -> Iterator[str]:
    """The welcome function's role again, for any sender: so that it is SES that refuses one, not IAM."""
    iam = aws("iam")
    original = iam.get_role(RoleName=deployment["notifications"].resources["WelcomeFunctionRole"].physical_id)["Role"]
    name = f"welcome-unverified-{uuid.uuid4().hex[:12]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(original["AssumeRolePolicyDocument"]))
    policies = {
        p: iam.get_role_policy(RoleName=original["RoleName"], PolicyName=p)["PolicyDocument"]
        for p in iam.list_role_policies(RoleName=original["RoleName"])["PolicyNames"]
    }
    policies["anyone"] = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}],
    }
    for policy, document in policies.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    yield role["Role"]["Arn"]
    for policy in policies:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


@pytest.fixture
def unverified(aws, deployment: Deployment, http: httpx.Client, may_send_as_anyone: str) -> Iterator[str]:
    """The welcome function again, with a sender that SES does not know."""
    functions = aws("lambda")
    original = functions.get_function(FunctionName=deployment["notifications"].resources["WelcomeFunction"].physical_id)
    configuration = original["Configuration"]
    environment = configuration["Environment"]["Variables"] | {"MAIL_SENDER": "nobody@unverified.example"}
    name = f"welcome-unverified-{uuid.uuid4().hex[:12]}"
    functions.create_function(
        FunctionName=name,
        Code={"ZipFile": http.get(original["Code"]["Location"]).content},
        Environment={"Variables": environment},
        Layers=[layer["Arn"] for layer in configuration["Layers"]],
        Role=may_send_as_anyone,
        **{key: configuration[key] for key in ("Runtime", "Handler", "Timeout", "MemorySize", "Architectures")},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    yield name
    functions.delete_function(FunctionName=name)


def test_a_sender_that_is_not_verified_mails_nobody(aws, outbox: Outbox, unverified: str):
    """https://docs.aws.amazon.com/ses/latest/dg/verify-addresses-and-domains.html"""
    person = Person()
    event = event_bridge_event(user_registered(person))
    answer = aws("lambda").invoke(FunctionName=unverified, Payload=json.dumps(event))
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "MessageRejected"
    assert outbox.read(recipient=person.address) == []


def test_a_mail_service_that_recovers_sends_one_mail(bus: Bus, faults: Faults, outbox: Outbox):
    person = Person()
    with faults.failing("ses", "SendEmail", code=PAUSED, times=2, when=_to(person)) as fault:
        bus.put("UserRegistered", "lumen.users", user_registered(person))
        outbox.wait_for(recipient=person.address, subject=WELCOME)
        assert fault.struck == 2
    assert len(outbox.read(recipient=person.address)) == 1


def _deliver(aws: Callable[[str], Any], deployment: Deployment, event: dict[str, Any]) -> None:
    """Give the welcome function an event and wait for its answer."""
    answer = aws("lambda").invoke(
        FunctionName=deployment["notifications"].resources["WelcomeFunction"].physical_id,
        Payload=json.dumps(event),
    )
    assert "FunctionError" not in answer, answer["Payload"].read().decode()


def test_an_event_that_is_delivered_twice_welcomes_once(aws, deployment: Deployment, outbox: Outbox):
    """EventBridge delivers at least once: the same event, with the same id, may come again."""
    person = Person()
    event = event_bridge_event(user_registered(person))
    _deliver(aws, deployment, event)
    _deliver(aws, deployment, event)
    assert len(outbox.read(recipient=person.address, subject=WELCOME)) == 1


def test_an_event_that_is_published_twice_welcomes_once(aws, bus: Bus, deployment: Deployment, outbox: Outbox):
    """Published again it is another event to EventBridge, and the same to the domain."""
    person = Person()
    event = user_registered(person)
    bus.put("UserRegistered", "lumen.users", event)
    outbox.wait_for(recipient=person.address, subject=WELCOME)
    bus.put("UserRegistered", "lumen.users", event)
    # This delivery of the same domain event returns when the function is done with it.
    _deliver(aws, deployment, event_bridge_event(event))
    assert len(outbox.read(recipient=person.address, subject=WELCOME)) == 1


def test_a_failed_attempt_does_not_count_as_sent(aws, deployment: Deployment, faults: Faults, outbox: Outbox):
    person = Person()
    event = event_bridge_event(user_registered(person))
    with faults.failing("ses", "SendEmail", code="MessageRejected", when=_to(person)):
        answer = aws("lambda").invoke(
            FunctionName=deployment["notifications"].resources["WelcomeFunction"].physical_id,
            Payload=json.dumps(event),
        )
        assert answer["FunctionError"] == "Unhandled"
    _deliver(aws, deployment, event)
    assert len(outbox.read(recipient=person.address, subject=WELCOME)) == 1


def test_an_event_that_breaks_its_schema_is_dead_at_the_end_and_mails_nobody(
    bus: Bus, outbox: Outbox, queue: Callable[[str, str], Queue]
):
    person = Person()
    event = user_registered(person, surprise="not in the contract")
    bus.put("UserRegistered", "lumen.users", event)
    dead = queue("notifications", "WelcomeDeadLetterQueue").wait_for(_event_of(person), what="the broken event")
    assert json.loads(dead.body["Message"])["detail"]["data"]["surprise"] == "not in the contract"
    assert outbox.read(recipient=person.address) == []


def test_an_event_of_another_source_welcomes_nobody(bus: Bus, outbox: Outbox, people: People):
    stranger = Person()
    bus.put("UserRegistered", "somebody.else", user_registered(stranger))
    # A registration that was put on the bus later has arrived: so would have this one.
    known = people.registered()
    outbox.wait_for(recipient=known.address, subject=WELCOME)
    assert outbox.read(recipient=stranger.address) == []


def test_a_name_cannot_add_headers_or_markup_to_the_mail(bus: Bus, outbox: Outbox):
    person = Person(name="Eve\r\nBcc: everyone@people.example <script>alert(1)</script>")
    bus.put("UserRegistered", "lumen.users", user_registered(person))
    mail = outbox.wait_for(recipient=person.address, subject=WELCOME)
    assert mail.recipients == (person.address,)
    assert "\n" not in (mail.subject or "")
    assert "\r" not in (mail.subject or "")
    assert "<script>" not in (mail.html or "")
