"""The event source mappings of queues and streams, requested once and kept until the journal records a change."""

from collections import defaultdict
from functools import cache
from typing import Any

from harness.engine import Target
from harness.engine.tracing import tracing
from harness.journal.records import Kind, Phase, Record

CHANGES = frozenset({"CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"})
LASTING = frozenset({"Enabled", "Disabled"})
"""States that a mapping leaves only after a call. It leaves the others without one, so the next flow requests it again
(https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html)."""

Mappings = list[dict[str, Any]]


class EventSourceMappings:
    """The responses of a target to ListEventSourceMappings, by queue or stream, for all flows of a process.

    `note` receives every record of the journal, in the reader's thread and under its lock. `of` needs the lock, too; `ask` must
    not be called while it is held.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client = cache(lambda region: target.client("lambda", region_name=region))
        self._known: dict[str, Mappings] = {}
        self._changes: defaultdict[str, int] = defaultdict(int)
        self._resets = 0

    def note(self, record: Record) -> None:
        """Forget what a call has changed, and everything if the engine was emptied."""
        if record.phase is Phase.BEGIN:
            return
        if record.kind is Kind.CALL and record.service == "lambda" and record.name in CHANGES:
            changed = _stream_of((record.data.get("response") or {}).get("EventSourceArn") or "")
            if changed:
                self._changes[changed] += 1
                self._known.pop(changed, None)
        elif record.kind is Kind.WORK and (record.service, record.name) == ("harness", "reset"):
            self._resets += 1
            self._known.clear()

    def of(self, source: str) -> Mappings | None:
        """The mappings of a queue or stream, by its ARN; None if they must be requested."""
        return self._known.get(source)

    def version(self, source: str) -> tuple[int, int]:
        """Changes with each change of the mappings: what was known before is out of date."""
        return self._changes[source], self._resets

    def ask(self, source: str) -> Mappings:
        """Request them from the target. The call belongs to no flow."""
        before = self.version(source)
        with tracing(None):
            pages = self._client(source.split(":")[3]).get_paginator("list_event_source_mappings")
            if ":kinesis:" in source:
                # They may read from the stream's enhanced fan-out consumers, which have separate ARNs.
                there = [m for page in pages.paginate() for m in page["EventSourceMappings"]]
                found = [m for m in there if _stream_of(m.get("EventSourceArn") or "") == source]
            else:
                found = [m for page in pages.paginate(EventSourceArn=source) for m in page["EventSourceMappings"]]
        if self.version(source) == before and all(mapping["State"] in LASTING for mapping in found):
            self._known[source] = found
        return found


def _stream_of(source_arn: str) -> str:
    return source_arn.partition("/consumer/")[0]
