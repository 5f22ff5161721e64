"""The log output of functions: their CloudWatch log events."""

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


@dataclass(frozen=True, slots=True)
class FunctionLog:
    """A function's log. `of_function` is its name if it shares the log group; the names of its streams then contain it."""

    group: str
    of_function: str | None = None


def log_of(target: Target, function_name: str) -> FunctionLog:
    """The log of a deployed function, by its LoggingConfig
    (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html)."""
    configuration = target.client("lambda").get_function_configuration(FunctionName=function_name)
    own = f"/aws/lambda/{function_name}"
    group = configuration.get("LoggingConfig", {}).get("LogGroup") or own
    return FunctionLog(group, None if group == own else function_name)


def read(target: Target, function_logs: Mapping[str, FunctionLog], *, since: int = 0) -> list[LogEvent]:
    """The log events of functions from `since` (milliseconds since the epoch), oldest first.

    The keys of `function_logs` are display names. A function that never ran may have no log group.
    """
    logs = target.client("logs")
    events = []
    for name, log in function_logs.items():
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=log.group, startTime=since)
            for page in pages:
                events += [
                    LogEvent(name, e["timestamp"], e["message"].rstrip("\n"), e["eventId"])
                    for e in page["events"]
                    if log.of_function is None or f"/{log.of_function}[" in e["logStreamName"]
                ]
        except logs.exceptions.ResourceNotFoundException:
            continue
    return sorted(events, key=lambda event: event.timestamp)


def follow(target: Target, function_logs: Mapping[str, FunctionLog], *, since: int) -> Iterator[LogEvent]:
    """The log events from `since` as they arrive, without end."""
    seen: set[str] = set()
    while True:
        for event in read(target, function_logs, since=since):
            if event.event_id not in seen:
                seen.add(event.event_id)
                # More events of the same millisecond may follow; `seen` skips those that were returned.
                since = max(since, event.timestamp)
                yield event
        time.sleep(POLL_SECONDS)
