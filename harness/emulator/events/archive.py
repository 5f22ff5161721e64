"""Fixes the replay of archived events in LocalStack 4.14.0.

An archive keeps an event's time as the text that consumers get, and a replay compares it as a time: StartReplay of an
archive with any event in it failed with InternalError ("str.replace() takes no keyword arguments").
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
"""

from datetime import UTC, datetime
from typing import Any

from harness.emulator.patches import patched


def install() -> None:
    from localstack.services.events.archive import ArchiveService

    @patched(
        ArchiveService.put_events,
        because="StartReplay fails on an archive that holds events: it compares times with texts",
        source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html",
    )
    def put_events(original: Any, self: Any, events: list[dict[str, Any]]) -> None:
        original(self, [with_time(event) for event in events])


def with_time(event: dict[str, Any]) -> dict[str, Any]:
    """A copy of the event whose time is one, in UTC."""
    time = event["time"]
    parsed = datetime.fromisoformat(time) if isinstance(time, str) else time
    return {**event, "time": parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)}
