"""No registration is lost if the event bus fails during the confirmation."""

from fixtures.people import People, Person
from fixtures.services import Queues
from harness import Faults, NewFlow, Outbox

WELCOME = "(?i)welcome"
REFUSED = "AccessDeniedException"
"""An error that the SDK does not repeat
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html)."""


def _about(person: Person) -> str:
    """A fault's condition: only events about this person fail."""
    return f"contains(Entries[0].Detail, '{person.address}')"


def test_an_event_that_the_bus_refused_is_published_again(
    flow: NewFlow, people: People, faults: Faults, outbox: Outbox
):
    person = Person(name="Rosalind Franklin")
    with faults.failing("events", "PutEvents", code=REFUSED, times=1, when=_about(person)) as fault, flow() as f:
        people.registered(person)
        f.settle()
        assert fault.struck == 1
    [welcome] = outbox.read(recipient=person.address, subject=WELCOME)
    assert person.name in (welcome.text or "")


def test_event_refused_by_bus_is_dead_lettered_and_redriven(
    flow: NewFlow, people: People, faults: Faults, outbox: Outbox, queue: Queues
):
    person = Person(name="Lise Meitner")
    dead_letters = queue("users", "UnpublishedEventsDeadLetterQueue")
    with dead_letters.alone():
        with faults.failing("events", "PutEvents", code=REFUSED, when=_about(person)), flow() as f:
            people.registered(person)
            # Each failed attempt hides the message for minutes, which are over at once here.
            f.settle(hurry=True)
        [dead] = dead_letters.left_by(f)
        assert (dead.body["type"], dead.body["data"]["name"]) == ("UserRegistered", person.name)
        assert outbox.read(recipient=person.address, subject=WELCOME) == []
        with flow() as moved:
            dead_letters.move_back()
        moved.settle()
    assert len(outbox.read(recipient=person.address, subject=WELCOME)) == 1
