"""What consumes the messages and records that wait in a queue or a stream: the existing event source mappings."""

from collections.abc import Sequence
from typing import NamedTuple

from harness.flow.event_source_mappings import EventSourceMappings, Mappings
from harness.flow.history import Activity
from harness.journal.records import Kind


class Awaited(NamedTuple):
    """What is expected for a message or a record."""

    told: str
    mapping: str = ""
    """The mapping that has to take it; empty if none is known yet."""


class Consumers:
    """The mappings that exist, for one flow. `unasked` are the queues and streams whose mappings must still be requested."""

    def __init__(self, mappings: EventSourceMappings) -> None:
        self._mappings = mappings
        self._asked: dict[str, tuple[tuple[int, int], Mappings]] = {}
        self.unasked: set[str] = set()

    def ask(self) -> None:
        """Request the missing mappings from the target. Not while the journal is held, because it is written meanwhile."""
        for source in list(self.unasked):
            version = self._mappings.version(source)
            self._asked[source] = version, self._mappings.ask(source)
        self.unasked.clear()

    def _known(self, source: str) -> Mappings | None:
        version, asked = self._asked.get(source, (None, None))
        # The response that this flow got holds until the mappings change.
        return asked if version == self._mappings.version(source) else self._mappings.of(source)

    def awaited(self, mark: str, takers: Sequence[Activity]) -> list[Awaited]:
        """What is expected for a message or a record; empty if it is settled: handled, or nothing consumes it."""
        source = mark.partition(":")[2].rpartition(":")[0]
        if (known := self._known(source)) is None:
            self.unasked.add(source)
            return [Awaited(f"a {mark.partition(':')[0]} in {source}")]
        mappings = [m for m in known if m["State"] in ("Enabled", "Creating", "Enabling", "Updating")]
        if not mappings:
            return []
        given_up = [taker.data.get("mapping") for taker in takers if taker.kind is Kind.DEAD_LETTER]
        if None in given_up:
            # By the queue itself, for every consumer.
            return []
        what, one = mark.partition(":")[0], mark.rpartition(":")[2]
        awaited = []
        for mapping in mappings:
            # Each mapping has its own position in a stream: a record that one gives up may be unread by another.
            if mapping["UUID"] in given_up:
                continue
            function = _name(mapping["FunctionArn"])
            own = [taker for taker in takers if _is_of(taker, mapping["UUID"])]
            if not own:
                awaited.append(Awaited(f"a {what} in {source} that {function} has not read", mapping["UUID"]))
                continue
            last = own[-1]
            if not last.goes_on and _comes_again(one, last):
                told = f"a {what} in {source} that {function} failed on, and that comes again"
                awaited.append(Awaited(told, mapping["UUID"]))
        return awaited


def _comes_again(one: str, last: Activity) -> bool:
    """Whether a message or record returns after the last batch that contained it. Of a shard, everything from the first failed
    record on returns."""
    if one in map(str, last.data.get("failed") or ()):
        return True
    return bool(last.data.get("retries")) and one not in map(str, last.data.get("committed") or ())


def _is_of(taker: Activity, mapping: str) -> bool:
    """Whether this is a mapping's batch, or its filter's refusal."""
    if taker.kind is Kind.BATCH:
        return bool(taker.data.get("mapping") == mapping)
    return taker.kind is Kind.DECISION and taker.data.get("rule") == mapping and not taker.data.get("passed")


def _name(function_arn: str) -> str:
    return function_arn.split(":")[6]
