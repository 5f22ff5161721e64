"""Domain events: held against their schema when sent and when received."""

import json

import pytest

DATA = {"user_id": "1", "email": "a@b.example", "name": "A", "wants_text_messages": False, "wants_news": False}


class Bus:
    """EventBridge, as far as publishing goes."""

    def __init__(self, failed: int = 0) -> None:
        self.failed, self.entries = failed, []

    def put_events(self, *, Entries):  # noqa: N803 - AWS's name
        self.entries += Entries
        entry = {"ErrorCode": "InternalException", "ErrorMessage": "no"} if self.failed else {"EventId": "e-1"}
        return {"FailedEntryCount": self.failed, "Entries": [entry]}


def _event(**data):
    from lumen.domain_events import DomainEvent

    return DomainEvent.of("UserRegistered", {**DATA, **data}, fact="1", correlation_id="c-1")


def test_published_event_can_be_parsed_again():
    from lumen.domain_events import DomainEvent, publish

    bus, event = Bus(), _event(name="Zoë")
    assert publish(bus, bus_name="lumen", source="lumen.users", event=event) == "e-1"
    assert DomainEvent.from_json(json.loads(bus.entries[0]["Detail"])) == event


def test_an_event_that_breaks_its_schema_is_not_sent():
    from lumen.domain_events import InvalidEventError, publish

    bus = Bus()
    with pytest.raises(InvalidEventError, match="surprise"):
        publish(bus, bus_name="lumen", source="lumen.users", event=_event(surprise=1))
    assert bus.entries == []


def test_entry_refused_by_bus_raises_though_the_call_succeeds():
    from lumen.domain_events import NotPublishedError, publish

    with pytest.raises(NotPublishedError, match="InternalException"):
        publish(Bus(failed=1), bus_name="lumen", source="lumen.users", event=_event())


@pytest.mark.parametrize(
    "detail", [None, [], {}, {"type": "../secret"}, {"type": "Unknown"}, {"type": "UserRegistered"}]
)
def test_invalid_event_is_refused(detail):
    from lumen.domain_events import DomainEvent, InvalidEventError

    with pytest.raises(InvalidEventError):
        DomainEvent.from_json(detail)
