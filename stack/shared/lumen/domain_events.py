"""Domain events: the only way in which micro-services talk to one another.

Every event is held against its JSON Schema (stack/schemas) when it is sent and when it is received.
"""

import json
import re
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import fastjsonschema

_NAMESPACE = uuid.UUID("5b0b3f0e-6a0f-4c1d-9a0b-1f6f0a6d7e51")
_TYPE = re.compile(r"[A-Z][A-Za-z]+")


class InvalidEventError(ValueError):
    """An event that is not what its schema says; the message names the field."""


class NotPublishedError(RuntimeError):
    """EventBridge accepted the call and refused the event."""


class EventsClient(Protocol):
    """The part of boto3's EventBridge client that is used here."""

    def put_events(self, *, Entries: list[dict[str, str]]) -> Mapping[str, Any]: ...  # noqa: N803 - AWS's name


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """A fact that other micro-services may act on.

    `event_id` is equal for every publication of the same fact; `occurred_at` is RFC 3339 in UTC; `correlation_id` is
    equal for everything that one action of a person caused.
    """

    event_id: str
    type: str
    version: int
    occurred_at: str
    correlation_id: str
    data: dict[str, Any]

    @classmethod
    def of(
        cls, event_type: str, data: dict[str, Any], *, fact: str, correlation_id: str, version: int = 1
    ) -> "DomainEvent":
        """The event of a fact. `fact` is what makes it unique among the events of its type, such as the user's id."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return cls(str(uuid.uuid5(_NAMESPACE, f"{event_type}/{fact}")), event_type, version, now, correlation_id, data)

    @classmethod
    def from_json(cls, detail: Any) -> "DomainEvent":
        """The `detail` of an EventBridge event. Raises InvalidEventError when it breaks its schema."""
        event_type = detail.get("type") if isinstance(detail, dict) else None
        validate(event_type, detail)
        return cls(**detail)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def validate(event_type: Any, detail: Any) -> None:
    """Raises InvalidEventError when `detail` is not an event of this type as its schema says."""
    if not isinstance(event_type, str) or not _TYPE.fullmatch(event_type):
        raise InvalidEventError(f"type: {event_type!r} is not the type of a domain event")
    try:
        _validator(event_type)(detail)
    except fastjsonschema.JsonSchemaValueException as error:
        raise InvalidEventError(f"{event_type}: {error.message}") from error


def publish(client: EventsClient, *, bus_name: str, source: str, event: DomainEvent) -> str:
    """Put an event on the bus. Returns EventBridge's id of the event.

    Raises InvalidEventError before it sends anything, and NotPublishedError if EventBridge refuses the entry: PutEvents
    returns 200 then too (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html).
    """
    detail = event.to_json()
    validate(event.type, detail)
    answer = client.put_events(
        Entries=[
            {
                "EventBusName": bus_name,
                "Source": source,
                "DetailType": event.type,
                "Detail": json.dumps(detail, ensure_ascii=False),
            }
        ]
    )
    entry = answer["Entries"][0]
    if answer["FailedEntryCount"]:
        raise NotPublishedError(f"{event.type} {event.event_id}: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
    return str(entry["EventId"])


# Powertools' validate() compiles the schema again for every event; a function compiles it once here.
@cache
def _validator(event_type: str) -> Callable[[Any], Any]:
    # The schemas are a separate layer, next to this one on the search path, so that stack/schemas is their only source.
    for folder in sys.path:
        file = Path(folder) / f"{event_type}.json"
        if file.is_file():
            compiled: Callable[[Any], Any] = fastjsonschema.compile(json.loads(file.read_text(encoding="utf-8")))
            return compiled
    raise InvalidEventError(f"type: there is no schema for {event_type!r}; every domain event has one in stack/schemas")
