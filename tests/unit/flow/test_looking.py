"""How often settle() walks through a flow: not again while the pending activity is in progress and no record is new."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.engine import Target
from harness.flow import Flow
from harness.flow.history import Activity, History
from harness.journal.records import Kind, Phase, Record

TRACE = "1-00000000-000000000000000000000000"


class Looked(History):
    """Counts how often a flow is walked through."""

    looked = 0

    def closure(self, roots: Any) -> list[Activity]:
        self.looked += 1
        return super().closure(roots)


class Stream:
    """Gives these records to a waiting caller, one after the other."""

    def __init__(self, history: History, records: list[Record]) -> None:
        self._history, self._records = history, records

    @contextmanager
    def held(self) -> Iterator[None]:
        yield

    def catch_up(self) -> None:
        self._history.add(self._records.pop(0))

    def wait(self, found: Callable[[], Any], *, timeout_seconds: float) -> Any:
        del timeout_seconds
        while (result := found()) is None and self._records:
            self._history.add(self._records.pop(0))
        return result


def record(activity: int, phase: Phase, kind: Kind = Kind.CALL, cause: int | None = 1, **more: Any) -> Record:
    own = {"trace": TRACE, "cause": None} if activity == 1 else {"cause": cause}
    return Record(
        kind=kind, phase=phase, activity=activity, at=1.0, service="x", name="y", **{"sequence": 1, **own, **more}
    )


INSIDE = [record(n, phase) for n in range(2, 52) for phase in (Phase.BEGIN, Phase.END)]


def settled(*records: Record) -> int:
    """How often the flow was walked through until it was settled."""
    history = Looked()
    stream: Any = Stream(history, [record(1, Phase.BEGIN), *records, record(1, Phase.END)])
    Flow(Target("embedded", "http://127.0.0.1:9"), stream, history, TRACE).settle()
    return history.looked


def test_records_inside_a_running_activity_trigger_no_check():
    assert settled(*INSIDE) <= 4


@pytest.mark.parametrize(
    "new", [{"kind": Kind.TIMER, "data": {"what": "Wait", "when": 1.0}}, {"leaves": ("invocation:a",)}], ids=str
)
def test_records_that_may_settle_a_flow_trigger_a_check(new):
    notes = [record(n, Phase.NOTE, **new) for n in range(100, 110)]
    taken = record(200, Phase.NOTE, Kind.INVOCATION, takes=("invocation:a",))
    assert settled(*notes, taken) >= 10
