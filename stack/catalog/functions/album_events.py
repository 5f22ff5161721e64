"""The domain events about changes in the table: one for each record of its stream.

Everything in an event comes from the record, so a record that is read again gives the same event.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from lumen.domain_events import DomainEvent, EventsClient, publish

SOURCE = "lumen.catalog"
_DESERIALIZER = TypeDeserializer()


def album_event(record: Mapping[str, Any]) -> DomainEvent | None:
    """The domain event of a record of the table's stream
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html), whose
    ApproximateCreationDateTime is in seconds since the epoch; None for a change that is not announced."""
    change = record["dynamodb"]
    if not change["Keys"]["sk"]["S"].startswith("ALBUM#"):
        return None
    if record["eventName"] == "REMOVE":
        album = _item(change["OldImage"])
        when = datetime.fromtimestamp(float(change["ApproximateCreationDateTime"]), UTC)
        # A deletion writes no item that could hold a correlation id, so the record identifies what the deletion causes.
        return _event("AlbumDeleted", album, album["album_id"], record["eventID"], when)
    album = _item(change["NewImage"])
    when = datetime.fromisoformat(album["updated_at"].replace("Z", "+00:00"))
    if record["eventName"] == "INSERT":
        return _event("AlbumCreated", album, album["album_id"], album["correlation_id"], when)
    if album["revision"] == _item(change["OldImage"])["revision"]:
        return None
    return _event("AlbumChanged", album, f"{album['album_id']}/{album['revision']}", album["correlation_id"], when)


def _event(event_type: str, album: dict[str, Any], fact: str, correlation_id: str, when: datetime) -> DomainEvent:
    data = {"user_id": album["user_id"], "album_id": album["album_id"], "revision": int(album["revision"])}
    if event_type == "AlbumDeleted":
        # The last change of all: what it undid may be heard after it.
        data["revision"] += 1
    else:
        data["title"] = album["title"]
    event = DomainEvent.of(event_type, data, fact=fact, correlation_id=correlation_id)
    return replace(event, occurred_at=when.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def _item(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _DESERIALIZER.deserialize(value) for name, value in image.items()}


def tell(client: EventsClient, record: Mapping[str, Any]) -> DomainEvent | None:
    """Publish the event of a record, if it has one. Raises what `publish` does."""
    event = album_event(record)
    if event is not None:
        publish(client, bus_name=os.environ["EVENT_BUS_NAME"], source=SOURCE, event=event)
    return event
