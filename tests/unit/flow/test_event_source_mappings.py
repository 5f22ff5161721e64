"""The cached event source mappings are correct until a call changes them."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from harness.flow.consumers import Consumers
from harness.flow.event_source_mappings import EventSourceMappings
from harness.flow.history import Activity
from harness.journal.records import Kind, Phase, Record

QUEUE, OTHER = (f"arn:aws:sqs:us-east-1:000000000000:{name}" for name in ("jobs", "others"))
MESSAGE = f"message:{QUEUE}:1"


class Lambda:
    """A target whose Lambda has these mappings, by source."""

    def __init__(self) -> None:
        self.mappings: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[str] = []
        self.meanwhile: Callable[[], Any] = lambda: None

    def client(self, service: str, region_name: str) -> Any:
        assert (service, region_name) == ("lambda", "us-east-1")
        return SimpleNamespace(get_paginator=lambda _name: SimpleNamespace(paginate=self.list))

    def list(self, EventSourceArn: str = "") -> Any:  # noqa: N803 - AWS's name
        """Those of a source, or all, as ListEventSourceMappings has them."""
        self.asked.append(EventSourceArn)
        of = {EventSourceArn: self.mappings.get(EventSourceArn, [])} if EventSourceArn else self.mappings
        found = [{**mapping, "EventSourceArn": source} for source, mappings in of.items() for mapping in mappings]
        answer = [{"EventSourceMappings": found}]
        self.meanwhile()
        return answer

    def has(self, state: str, source: str = QUEUE) -> None:
        function = "arn:aws:lambda:us-east-1:000000000000:function:worker"
        self.mappings[source] = [{"UUID": "m", "State": state, "FunctionArn": function}]


@pytest.fixture
def target() -> Lambda:
    return Lambda()


@pytest.fixture
def mappings(target: Lambda) -> EventSourceMappings:
    return EventSourceMappings(target)  # type: ignore[arg-type]


def called(name: str, source: str = QUEUE, phase: Phase = Phase.END) -> Record:
    response = {"response": {"EventSourceArn": source}}
    return Record(1, Kind.CALL, phase, 1, None, 1.0, "lambda", name, data=response)


def awaited(mappings: EventSourceMappings, consumers: Consumers | None = None) -> str | None:
    """A flow's text about a message without a consumer, after the request for mappings."""
    consumers = consumers or Consumers(mappings)
    consumers.awaited(MESSAGE, [])
    if consumers.unasked:
        consumers.ask()
    return _told(consumers, MESSAGE)


def _told(consumers: Consumers, mark: str, *takers: Activity) -> str | None:
    return next((one.told for one in consumers.awaited(mark, takers)), None)


UNREAD = f"a message in {QUEUE} that worker has not read"


def test_flows_of_a_process_share_one_mapping_request(mappings, target):
    target.has("Enabled")
    assert [awaited(mappings) for _ in range(3)] == [UNREAD] * 3
    assert target.asked == [QUEUE]


@pytest.mark.parametrize("name", ["CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"])
def test_changed_mapping_is_read_again_by_a_running_flow(mappings, target, name):
    target.has("Enabled")
    flow = Consumers(mappings)
    assert awaited(mappings, flow) == UNREAD
    target.mappings.clear()
    mappings.note(called(name))
    assert awaited(mappings, flow) is None
    assert target.asked == [QUEUE, QUEUE]


@pytest.mark.parametrize(
    "record",
    [
        called("CreateEventSourceMapping", OTHER),
        called("CreateEventSourceMapping", phase=Phase.BEGIN),
        called("ListEventSourceMappings"),
        Record(1, Kind.CALL, Phase.END, 1, None, 1.0, "lambda", "DeleteEventSourceMapping", data={"error": {}}),
    ],
    ids=["another queue's", "not done yet", "only asked", "refused"],
)
def test_unrelated_record_causes_no_mapping_request(mappings, target, record):
    target.has("Enabled")
    awaited(mappings)
    mappings.note(record)
    awaited(mappings)
    assert target.asked == [QUEUE]


def test_reset_causes_a_new_mapping_request(mappings, target):
    target.has("Enabled")
    awaited(mappings)
    mappings.note(Record(1, Kind.WORK, Phase.NOTE, 1, None, 1.0, "harness", "reset"))
    awaited(mappings)
    assert target.asked == [QUEUE, QUEUE]


@pytest.mark.parametrize("state", ["Creating", "Enabling", "Updating", "Disabling", "Deleting"])
def test_transient_mapping_state_is_read_again_by_the_next_flow(mappings, target, state):
    target.has(state)
    flow = Consumers(mappings)
    awaited(mappings, flow)
    awaited(mappings, flow)
    assert target.asked == [QUEUE]
    awaited(mappings)
    assert target.asked == [QUEUE, QUEUE]


def test_mapping_changed_during_the_request_is_not_cached(mappings, target):
    target.meanwhile = lambda: (target.has("Enabled"), mappings.note(called("CreateEventSourceMapping")))
    flow = Consumers(mappings)
    flow.awaited(MESSAGE, [])
    flow.ask()
    target.meanwhile = lambda: None
    # The answer was made before the mapping was.
    assert awaited(mappings, flow) == UNREAD


RECORD = "record:arn:aws:kinesis:us-east-1:000000000000:stream/clicks:7"


def _two_mappings(target: Lambda) -> None:
    function = "arn:aws:lambda:us-east-1:000000000000:function:"
    target.mappings[RECORD.partition(":")[2].rpartition(":")[0]] = [
        {"UUID": name, "State": "Enabled", "FunctionArn": f"{function}{name}"} for name in ("counts", "archives")
    ]


def _taker(kind: Kind, mapping: str, **ended: Any) -> Activity:
    record = Record(1, kind, Phase.END, 1, None, 1.0, "lambda", mapping, data={"mapping": mapping, **ended})
    return Activity(record, record)


def _of_record(mappings: EventSourceMappings, *takers: Activity) -> str | None:
    consumers = Consumers(mappings)
    consumers.awaited(RECORD, [])
    consumers.ask()
    return _told(consumers, RECORD, *takers)


def test_record_given_up_by_one_mapping_awaits_the_other(mappings, target):
    _two_mappings(target)
    given_up = _taker(Kind.DEAD_LETTER, "counts")
    assert "archives has not read" in (_of_record(mappings, given_up) or "")
    assert _of_record(mappings, given_up, _taker(Kind.BATCH, "archives")) is None


def test_records_after_a_failed_one_are_retried_with_it(mappings, target):
    _two_mappings(target)
    archived = _taker(Kind.BATCH, "archives")
    failed = _taker(Kind.BATCH, "counts", failed=["6"], committed=["5"], retries=True)
    assert "counts failed on, and that comes again" in (_of_record(mappings, archived, failed) or "")
    handled = _taker(Kind.BATCH, "counts", failed=["8"], committed=["7"], retries=True)
    assert _of_record(mappings, archived, handled) is None
