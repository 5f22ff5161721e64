"""Who will take up what waits in a queue or a stream: the event source mappings that are there now."""

from typing import Any

from harness.engine import Target
from harness.engine.tracing import tracing
from harness.flow.history import Activity
from harness.journal.records import Kind


class Consumers:
    """Knows the mappings of those queues and streams that it was let ask for; `unasked` are those that it had to know."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._known: dict[str, list[dict[str, Any]]] = {}
        self.unasked: set[str] = set()

    def ask(self) -> None:
        """Ask the target for all that were missing. These calls are nobody's flow."""
        with tracing(None):
            for source in self.unasked:
                api = self._target.client("lambda", region_name=source.split(":")[3])
                pages = api.get_paginator("list_event_source_mappings").paginate(EventSourceArn=source)
                self._known[source] = [mapping for page in pages for mapping in page["EventSourceMappings"]]
        self.unasked.clear()

    def awaited(self, mark: str, takers: list[Activity]) -> str | None:
        """What is to come of a message or a record; None where it is at rest: handled, or nobody consumes it."""
        source = mark.partition(":")[2].rpartition(":")[0]
        if source not in self._known:
            self.unasked.add(source)
            return f"a {mark.partition(':')[0]} in {source}"
        mappings = [m for m in self._known[source] if m["State"] in ("Enabled", "Creating", "Enabling", "Updating")]
        if not mappings:
            return None
        if any(taker.kind is Kind.DEAD_LETTER for taker in takers):
            return None
        what, one = mark.partition(":")[0], mark.rpartition(":")[2]
        for mapping in mappings:
            function = _name(mapping["FunctionArn"])
            own = [taker for taker in takers if _is_of(taker, mapping["UUID"])]
            if not own:
                return f"a {what} in {source} that {function} has not read"
            last = own[-1]
            if not last.goes_on and one in map(str, last.data.get("failed") or ()):
                return f"a {what} in {source} that {function} failed on, and that comes again"
        return None


def _is_of(taker: Activity, mapping: str) -> bool:
    """Whether this is a mapping's batch, or its filter's refusal."""
    if taker.kind is Kind.BATCH:
        return bool(taker.data.get("mapping") == mapping)
    return taker.kind is Kind.DECISION and taker.data.get("rule") == mapping and not taker.data.get("passed")


def _name(function_arn: str) -> str:
    return function_arn.split(":")[6]
