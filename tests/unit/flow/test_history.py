"""Records joined to the tree of what one stimulus caused, in whatever order they come."""

import itertools
from collections.abc import Iterable

import pytest

from harness.flow.history import History
from harness.journal.records import Kind, Phase, Record

TRACE = "1-00000000-000000000000000000000000"


def begin(activity: int, name: str, **fields) -> Record:
    values = {"kind": Kind.CALL, "cause": None, "at": float(activity), "service": "sqs", **fields}
    return Record(sequence=activity * 10, phase=Phase.BEGIN, activity=activity, name=name, **values)


def end(activity: int, name: str, **fields) -> Record:
    values = {"kind": Kind.CALL, "cause": None, "at": activity + 0.5, "service": "sqs", **fields}
    return Record(sequence=activity * 10 + 5, phase=Phase.END, activity=activity, name=name, **values)


def history(records: Iterable[Record]) -> History:
    made = History()
    for record in records:
        made.add(record)
    return made


def names(found) -> list[str]:
    return [activity.begin.name for activity in found]


CHAIN = [
    begin(1, "SendMessage", trace=TRACE),
    end(1, "SendMessage", leaves=("message:q:1",)),
    begin(2, "batch", kind=Kind.BATCH, takes=("message:q:1",)),
    begin(3, "Invoke", cause=2),
    begin(4, "invocation", kind=Kind.INVOCATION, cause=3),
    end(4, "invocation", kind=Kind.INVOCATION),
    end(3, "Invoke"),
    end(2, "batch", kind=Kind.BATCH),
    begin(5, "of somebody else", trace="1-ffffffff-000000000000000000000000"),
    begin(6, "of nobody"),
]


def test_a_flow_is_what_was_caused_and_what_was_taken_up():
    made = history(CHAIN)
    flow = made.closure(made.roots_of(TRACE))
    assert names(flow) == ["SendMessage", "batch", "Invoke", "invocation"]
    assert [activity.goes_on for activity in flow] == [False] * 4


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_in_which_records_come_does_not_matter(order):
    first, rest = [CHAIN[n] for n in order], CHAIN[4:]
    made = history([*first, *rest])
    assert names(made.closure(made.roots_of(TRACE))) == ["SendMessage", "batch", "Invoke", "invocation"]


def test_activity_is_in_progress_until_its_end_is_recorded():
    made = history([begin(1, "SendMessage", trace=TRACE)])
    [activity] = made.roots_of(TRACE)
    assert activity.goes_on
    assert activity.seconds == 0
    made.add(end(1, "SendMessage", data={"error": {"code": "Throttled"}}))
    assert not activity.goes_on
    assert (activity.seconds, activity.error) == (0.5, {"code": "Throttled"})


def test_work_under_the_same_trace_is_no_separate_stimulus():
    """A function's asynchronous event carries its sender's trace, and no call."""
    made = history(
        [
            begin(1, "Invoke", trace=TRACE),
            end(1, "Invoke", leaves=("invocation:a",)),
            begin(2, "invocation", kind=Kind.INVOCATION, trace=TRACE, takes=("invocation:a",)),
        ]
    )
    assert names(made.roots_of(TRACE)) == ["Invoke"]
    assert names(made.next_of(made.activities[1])) == ["invocation"]


def test_redelivered_message_has_two_takers():
    again = [begin(n, "batch", kind=Kind.BATCH, takes=("message:q:1",)) for n in (2, 3)]
    made = history([*CHAIN[:2], *again])
    assert [activity.id for activity in made.takers_of("message:q:1")] == [2, 3]


def test_a_note_is_its_own_end():
    note = Record(
        sequence=1, kind=Kind.DECISION, phase=Phase.NOTE, activity=1, cause=None, at=1.0, service="events", name="rule",
        trace=TRACE, data={"passed": False},
    )  # fmt: skip
    [activity] = history([note]).roots_of(TRACE)
    assert not activity.goes_on
    assert activity.data == {"passed": False}


def test_client_call_is_a_root_even_if_it_takes_a_mark():
    told = history(
        [
            begin(1, "TaskToken", kind=Kind.TRANSITION, leaves=("task:1",)),
            begin(2, "SendTaskSuccess", trace=TRACE, takes=("task:1",), data={"caller": {"kind": "client"}}),
            begin(3, "asynchronous event", trace=TRACE, takes=("task:1",)),
        ]
    )
    assert names(told.roots_of(TRACE)) == ["SendTaskSuccess"]


def test_last_timer_of_a_mark_is_the_current_one():
    hidden = [begin(n, f"timer {n}", kind=Kind.TIMER, takes=("message:q:1",), data={"when": n * 100.0}) for n in (1, 2)]
    told = history(hidden)
    assert told.timer_of("message:q:1").begin.name == "timer 2"
    assert told.timer_of("message:q:2") is None
    told.clear()
    assert told.timer_of("message:q:1") is None


REDRIVEN = [
    begin(1, "SendMessage", trace=TRACE, leaves=("message:q:1",)),
    begin(2, "fails", kind=Kind.BATCH, takes=("message:q:1",)),
    begin(3, "given up", kind=Kind.DEAD_LETTER, takes=("message:q:1",), leaves=("message:dead:1",)),
    begin(4, "StartMessageMoveTask"),
    begin(5, "moved", kind=Kind.DELIVERY, cause=4, takes=("message:dead:1",), leaves=("message:q:1",)),
    begin(6, "handled", kind=Kind.BATCH, takes=("message:q:1",)),
]


def test_redriven_message_is_taken_by_its_later_consumer():
    told = history(REDRIVEN)
    assert names(told.next_of(told.activities[1])) == ["fails", "given up"]
    assert names(told.next_of(told.activities[5])) == ["handled"]
    assert names(told.closure([told.activities[4]])) == ["StartMessageMoveTask", "moved", "handled"]
    assert names(told.closure([told.activities[1]])) == ["SendMessage", "fails", "given up", "moved", "handled"]


def test_redriven_message_without_consumer_has_no_taker():
    told = history(REDRIVEN[:-1])
    assert told.takers_of("message:q:1", told.activities[5]) == []


def test_a_message_that_was_given_up_twice_has_two_ends():
    again = begin(7, "given up again", kind=Kind.DEAD_LETTER, takes=("message:q:1",), leaves=("message:dead:1",))
    told = history([*REDRIVEN, again])
    assert names(told.next_of(told.activities[1])) == ["fails", "given up"]
    assert names(told.next_of(told.activities[5])) == ["handled", "given up again"]
