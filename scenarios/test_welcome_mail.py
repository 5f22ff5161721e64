"""The welcome mail when things go wrong: the mail service fails, events come twice."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fixtures.people import Person
from fixtures.services import Bus, Queues, event_bridge_event, user_registered
from harness import Deployment, Faults, Kind, NewFlow, Outbox

WELCOME = "(?i)welcome"
PAUSED = "AccountSendingPausedException"
"""SES's refusal of every mail of an account (https://docs.aws.amazon.com/ses/latest/APIReference/API_SendEmail.html)."""


def _to(person: Person) -> str:
    """A fault's condition: only mails to this person fail."""
    return f"contains(Destination.ToAddresses, '{person.address}')"


def test_event_that_cannot_be_mailed_is_dead_lettered_whole(
    flow: NewFlow, bus: Bus, faults: Faults, outbox: Outbox, queue: Queues
):
    person = Person()
    event = user_registered(person)
    with faults.failing("ses", "SendEmail", code=PAUSED, when=_to(person)) as fault, flow() as f:
        event_id = bus.put("UserRegistered", "lumen.users", event)
        f.settle(hurry=True)
        # An asynchronous event has three attempts, and the SDK does not repeat a call that was refused.
        assert fault.struck == 3
    [dead] = queue("notifications", "WelcomeDeadLetterQueue").left_by(f)
    # The message is SNS's envelope around the event exactly as EventBridge gave it to the function.
    delivered = json.loads(dead.body["Message"])
    assert delivered["id"] == event_id
    assert delivered["detail-type"] == "UserRegistered"
    assert delivered["detail"] == event
    assert {"RequestID", "ErrorCode", "ErrorMessage"} <= set(dead.body["MessageAttributes"])
    assert outbox.read(recipient=person.address) == []


def test_dead_letter_redriven_after_the_fix_welcomes_once(
    flow: NewFlow, aws, bus: Bus, deployment: Deployment, faults: Faults, outbox: Outbox, queue: Queues
):
    person = Person()
    with faults.failing("ses", "SendEmail", code=PAUSED, when=_to(person)), flow() as f:
        bus.put("UserRegistered", "lumen.users", user_registered(person))
        f.settle(hurry=True)
    [dead] = queue("notifications", "WelcomeDeadLetterQueue").left_by(f)
    assert outbox.read(recipient=person.address) == []
    with flow() as handed_back:
        aws("lambda").invoke(
            FunctionName=deployment["notifications"].resources["WelcomeFunction"].physical_id,
            InvocationType="Event",
            Payload=dead.body["Message"],
        )
    handed_back.settle()
    assert len(outbox.read(recipient=person.address, subject=WELCOME)) == 1
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
    """The welcome function again, with a sender that is not verified in SES."""
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


def test_mail_from_unverified_sender_is_rejected(aws, outbox: Outbox, unverified: str):
    """https://docs.aws.amazon.com/ses/latest/dg/verify-addresses-and-domains.html"""
    person = Person()
    event = event_bridge_event(user_registered(person))
    answer = aws("lambda").invoke(FunctionName=unverified, Payload=json.dumps(event))
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "MessageRejected"
    assert outbox.read(recipient=person.address) == []


def test_a_mail_service_that_recovers_sends_one_mail(flow: NewFlow, bus: Bus, faults: Faults, outbox: Outbox):
    person = Person()
    with faults.failing("ses", "SendEmail", code=PAUSED, times=2, when=_to(person)) as fault, flow() as f:
        bus.put("UserRegistered", "lumen.users", user_registered(person))
        f.settle(hurry=True)
        assert fault.struck == 2
    assert len(outbox.read(recipient=person.address, subject=WELCOME)) == 1
    assert len(outbox.read(recipient=person.address)) == 1


def _deliver(aws: Callable[[str], Any], deployment: Deployment, event: dict[str, Any]) -> None:
    """Invoke the welcome function with an event and wait for its result."""
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


def test_an_event_that_is_published_twice_welcomes_once(
    flow: NewFlow, bus: Bus, deployment: Deployment, outbox: Outbox
):
    """Published again it is another event to EventBridge, and the same to the domain."""
    person = Person()
    event = user_registered(person)
    for _time in range(2):
        with flow() as f:
            bus.put("UserRegistered", "lumen.users", event)
        f.settle()
        # The function was given the event each time, and was content.
        welcome = deployment["notifications"].resources["WelcomeFunction"].physical_id
        assert [invocation.error for invocation in f.find(Kind.INVOCATION, name=welcome)] == [None]
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


def test_event_with_invalid_schema_is_dead_lettered_without_mail(
    flow: NewFlow, bus: Bus, outbox: Outbox, queue: Queues
):
    person = Person()
    event = user_registered(person, surprise="not in the contract")
    with flow() as f:
        bus.put("UserRegistered", "lumen.users", event)
    f.settle(hurry=True)
    [dead] = queue("notifications", "WelcomeDeadLetterQueue").left_by(f)
    assert json.loads(dead.body["Message"])["detail"]["data"]["surprise"] == "not in the contract"
    assert outbox.read(recipient=person.address) == []


def test_event_of_another_source_sends_no_welcome_mail(flow: NewFlow, bus: Bus, outbox: Outbox):
    stranger = Person()
    with flow() as f:
        bus.put("UserRegistered", "somebody.else", user_registered(stranger))
    f.settle()
    assert outbox.read(recipient=stranger.address) == []
    assert f.find(Kind.INVOCATION) == []
    decided = {decision.begin.name: decision.data["passed"] for decision in f.find(Kind.DECISION, service="events")}
    assert [passed for name, passed in decided.items() if name.startswith("notifications-Registrations")] == [False]


def test_a_name_cannot_add_headers_or_markup_to_the_mail(flow: NewFlow, bus: Bus, outbox: Outbox):
    person = Person(name="Eve\r\nBcc: everyone@people.example <script>alert(1)</script>")
    with flow() as f:
        bus.put("UserRegistered", "lumen.users", user_registered(person))
    f.settle()
    [mail] = outbox.read(recipient=person.address, subject=WELCOME)
    assert mail.recipients == (person.address,)
    assert "\n" not in (mail.subject or "")
    assert "\r" not in (mail.subject or "")
    assert "<script>" not in (mail.html or "")
