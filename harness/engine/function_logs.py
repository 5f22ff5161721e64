"""What functions wrote: their CloudWatch log events."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.engine.target import Target

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of one function's log. `timestamp` is in milliseconds since the epoch."""

    function: str
    timestamp: int
    message: str
    event_id: str


def read(target: Target, log_groups: Mapping[str, str], *, since: int = 0) -> list[LogEvent]:
    """The log events of functions from `since` (milliseconds since the epoch) on, oldest first.

    `log_groups` maps the name to show to the log group's name. A function that never ran has no log group.
    """
    logs = target.client("logs")
    events = []
    for name, group in log_groups.items():
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
            for page in pages:
                events += [
                    LogEvent(name, e["timestamp"], e["message"].rstrip("\n"), e["eventId"]) for e in page["events"]
                ]
        except logs.exceptions.ResourceNotFoundException:
            continue
    return sorted(events, key=lambda event: event.timestamp)


def follow(target: Target, log_groups: Mapping[str, str], *, since: int) -> Iterator[LogEvent]:
    """The log events from `since` on as they come, without end."""
    seen: set[str] = set()
    while True:
        for event in read(target, log_groups, since=since):
            if event.event_id not in seen:
                seen.add(event.event_id)
                # Events of the same millisecond may still come; `seen` passes over those that have.
                since = max(since, event.timestamp)
                yield event
        time.sleep(POLL_SECONDS)
