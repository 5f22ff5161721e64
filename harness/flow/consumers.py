"""Who will take up what waits in a queue or a stream: the event source mappings that are there now."""

from typing import Any

from harness.engine import Target
from harness.flow.history import Activity
from harness.journal.records import Kind


class Consumers:
    """Asks the target once for each queue and stream."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._known: dict[str, list[dict[str, Any]]] = {}

    def awaited(self, mark: str, takers: list[Activity]) -> str | None:
        """What is to come of a message or a record; None where it is at rest: handled, or nobody consumes it."""
        source = mark.partition(":")[2].rpartition(":")[0]
        mappings = [m for m in self._mappings(source) if m["State"] in ("Enabled", "Creating", "Enabling", "Updating")]
        if not mappings:
            return None
        what = mark.partition(":")[0]
        batches = [taker for taker in takers if taker.kind is Kind.BATCH]
        for mapping in mappings:
            own = [batch for batch in batches if batch.data.get("mapping") == mapping["UUID"]]
            if not own:
                return f"a {what} in {source} that {_name(mapping['FunctionArn'])} has not read"
            last = own[-1]
            if last.goes_on:
                continue  # pending itself
            if mark.rpartition(":")[2] in map(str, last.data.get("failed") or ()):
                return f"a {what} in {source} that {_name(mapping['FunctionArn'])} failed on, and that comes again"
        return None

    def _mappings(self, source: str) -> list[dict[str, Any]]:
        if source not in self._known:
            pages = self._target.client("lambda").get_paginator("list_event_source_mappings")
            self._known[source] = [
                mapping for page in pages.paginate(EventSourceArn=source) for mapping in page["EventSourceMappings"]
            ]
        return self._known[source]


def _name(function_arn: str) -> str:
    return function_arn.split(":")[6]
