"""Nobody's registration is lost when the event bus fails just as they confirm."""

import json
from collections.abc import Callable
from typing import Any

from fixtures.people import People, Person
from fixtures.queues import Queue, Received
from harness.engine import Outbox
from harness.faults import Faults

WELCOME = "(?i)welcome"
REFUSED = "AccessDeniedException"
"""An error that the SDK does not repeat
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html)."""


def _about(person: Person) -> str:
    """A fault's condition: only events about this person fail."""
    return f"contains(Entries[0].Detail, '{person.address}')"


def _event_of(person: Person) -> Callable[[Received], bool]:
    return lambda received: person.address in json.dumps(received.body)


def test_an_event_that_the_bus_refused_is_published_again(people: People, faults: Faults, outbox: Outbox):
    person = Person(name="Rosalind Franklin")
    with faults.failing("events", "PutEvents", code=REFUSED, times=1, when=_about(person)) as fault:
        people.registered(person)
        welcome = outbox.wait_for(recipient=person.address, subject=WELCOME)
        assert fault.struck == 1
    assert person.name in (welcome.text or "")
    assert len(outbox.read(recipient=person.address, subject=WELCOME)) == 1


def test_an_event_that_the_bus_refuses_for_good_is_kept_whole_and_can_be_moved_back(
    people: People,
    faults: Faults,
    fire: Callable[..., Any],
    outbox: Outbox,
    queue: Callable[[str, str], Queue],
):
    person = Person(name="Lise Meitner")
    waiting, dead_letters = queue("users", "UnpublishedEventsQueue"), queue("users", "UnpublishedEventsDeadLetterQueue")
    with faults.failing("events", "PutEvents", code=REFUSED, when=_about(person)):
        people.registered(person)
        # Each failed attempt hides the message for minutes, which are over at once here.
        dead = dead_letters.wait_for(
            _event_of(person),
            what="the event",
            take=False,
            before_each_poll=lambda: fire(
                "sqs-visibility-timeout", queue_url=waiting.url, body_contains=person.address
            ),
        )
        assert (dead.body["type"], dead.body["data"]["name"]) == ("UserRegistered", person.name)
    dead_letters.move_back(until=lambda: outbox.read(recipient=person.address, subject=WELCOME, wait_seconds=2))
    assert len(outbox.read(recipient=person.address, subject=WELCOME)) == 1
