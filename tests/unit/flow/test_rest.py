"""What of a flow has not come to its end, and what each of these waits for."""

from collections.abc import Sequence

import pytest

from harness.flow.consumers import Awaited
from harness.flow.history import Activity
from harness.flow.pending import Pending
from harness.flow.rest import pending
from harness.journal.records import Kind
from tests.unit.flow.happening import BY_CLIENT, FUNCTION, QUEUE, ROOT, Happening

MESSAGE = f"message:{QUEUE}jobs:1"
RECORD = "record:arn:aws:kinesis:us-east-1:000000000000:stream/clicks:1"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:campaign:1"


class Worker:
    """Consumes every queue; what it failed on comes again."""

    def awaited(self, _mark: str, takers: Sequence[Activity]) -> list[Awaited]:
        if not takers:
            return [Awaited("a message that worker has not read")]
        return [Awaited("a message that worker failed on")] if takers[-1].data.get("failed") else []


def _pending(happening: Happening, roots: list[Activity] | None = None) -> list[Pending]:
    history = happening.history
    flow = history.closure(history.roots_of(ROOT) if roots is None else roots)
    return list(pending(flow, history, Worker()))  # type: ignore[arg-type]


@pytest.fixture
def happening() -> Happening:
    return Happening()


def _waiting_execution(happening: Happening, what: str = "task timeout", **data: object) -> tuple[int, int]:
    """An execution of which one state waits; the numbers of the execution and of what it waits for."""
    started = happening.did(Kind.CALL, "stepfunctions", "StartExecution", data=BY_CLIENT)
    outer = happening.begin(Kind.WORK, "engine", "program", cause=started)
    execution = happening.begin(Kind.TRANSITION, "stepfunctions", "campaign", cause=started, resource=EXECUTION)
    inner = happening.begin(Kind.WORK, "engine", "state", cause=execution, data={"within": outer})
    timer = happening.begin(
        Kind.TIMER, "stepfunctions", "Wait", cause=execution, resource="Ask", leaves=("task:1",),
        data={"what": what, "when": 5000.0, "within": inner, **data},
    )  # fmt: skip
    return execution, timer


def test_pending_reports_only_what_nothing_else_delays(happening):
    _, timer = _waiting_execution(happening, "Wait")
    [waits] = _pending(happening)
    assert (waits.activity.id, waits.due, waits.callback) == (timer, 5000.0, "")
    assert str(waits).startswith(f"{EXECUTION}, in the state Ask, waits; due in ")


def test_manual_fire_is_pending_until_its_work_is_done(happening):
    fired = happening.begin(Kind.TIMER, "harness", "websocket-idle", data={"what": "fire", "connection_id": "c="})
    [goes_on] = _pending(happening, [happening.history.activities[fired]])
    assert (str(goes_on), goes_on.due) == ("harness websocket-idle is in progress", None)
    happening.end(fired, 1.0)
    assert _pending(happening, [happening.history.activities[fired]]) == []


def test_parallel_branch_is_pending_besides_a_waiting_one(happening):
    execution, timer = _waiting_execution(happening, "Wait")
    branch = happening.begin(Kind.WORK, "engine", "branch", cause=execution)
    assert [one.activity.id for one in _pending(happening)] == [timer, branch]
    happening.end(branch, 1.0)
    assert [one.activity.id for one in _pending(happening)] == [timer]


def test_a_heartbeat_puts_off_when_the_next_is_due(happening):
    _waiting_execution(happening, heartbeat_seconds=60)
    assert [(one.callback, one.due) for one in _pending(happening)] == [("Ask", 1060.0)]
    beat = happening.begin(
        Kind.CALL, "stepfunctions", "SendTaskHeartbeat", at=40, takes=("task:1",), trace="1-2-3", data=BY_CLIENT
    )
    happening.end(beat, 41)
    assert [one.due for one in _pending(happening)] == [1100.0]


def test_a_heartbeat_that_was_refused_puts_nothing_off(happening):
    _waiting_execution(happening, heartbeat_seconds=60)
    beat = happening.begin(Kind.CALL, "stepfunctions", "SendTaskHeartbeat", at=40, takes=("task:1",), trace="1-2-3")
    happening.end(beat, 41, data={"error": {"code": "AccessDeniedException"}})
    assert [one.due for one in _pending(happening)] == [1060.0]


def test_callback_flow_is_pending_until_the_execution_ends(happening):
    execution, timer = _waiting_execution(happening)
    answered = happening.did(
        Kind.CALL, "stepfunctions", "SendTaskSuccess", takes=("task:1",), leaves=("callback:1",), trace="1-2-3",
        data=BY_CLIENT,
    )  # fmt: skip
    whoever = happening.history.roots_of("1-2-3")
    assert [one.begin.name for one in whoever] == ["SendTaskSuccess"]
    [untaken] = _pending(happening, whoever)
    assert (untaken.activity.id, untaken.due) == (answered, None)
    happening.note(Kind.TRANSITION, "stepfunctions", "TaskTokenReturned", cause=execution, takes=("callback:1",))
    happening.end(timer, 2.0)
    assert _pending(happening, whoever)
    for number in (4, 3, 2):
        happening.end(number, 3.0)
    assert _pending(happening, whoever) == []


def test_pending_redelivery_has_its_due_time(happening):
    happening.did(Kind.CALL, "sqs", "SendMessage", leaves=(MESSAGE,), data=BY_CLIENT)
    happening.did(Kind.BATCH, "lambda", "worker", takes=(MESSAGE,), ended={"failed": ["1"]})
    [unsaid] = _pending(happening)
    assert unsaid.due is None
    timer = happening.note(
        Kind.TIMER, "sqs", "jobs", takes=(MESSAGE,), data={"what": "visibility timeout", "when": 1180.0}
    )
    [waits] = _pending(happening)
    assert (waits.timer.id, waits.due) == (timer, 1180.0)
    assert str(waits).endswith("left a message that worker failed on; due in 0.0 s (visibility timeout)")
    happening.did(Kind.BATCH, "lambda", "worker", takes=(MESSAGE,), ended={"failed": ["1"]})
    # That time has come, and the next one was not said.
    assert [one.due for one in _pending(happening)] == [None]


def test_timer_of_another_message_in_the_batch_is_not_pending(happening):
    other = f"message:{QUEUE}jobs:2"
    happening.did(Kind.CALL, "sqs", "SendMessage", leaves=(MESSAGE,), data=BY_CLIENT)
    happening.did(Kind.CALL, "sqs", "SendMessage", leaves=(other,), trace="1-2-3", data=BY_CLIENT)
    happening.did(Kind.BATCH, "lambda", "worker", takes=(MESSAGE, other), ended={"failed": []})
    happening.note(Kind.TIMER, "sqs", "jobs", takes=(other,), data={"what": "visibility timeout", "when": 1180.0})
    assert _pending(happening) == []


def test_failed_event_is_pending_until_its_next_attempt(happening):
    mark, function = "invocation:r", {"resource": f"{FUNCTION}worker"}
    happening.did(Kind.CALL, "lambda", "Invoke", leaves=(mark,), data=BY_CLIENT)
    failed = happening.did(
        Kind.INVOCATION, "lambda", "worker", takes=(mark,), ended={"error": {"errorType": "Oops"}}, **function
    )
    happening.note(
        Kind.TIMER, "lambda", "worker", cause=failed, leaves=(mark,), data={"what": "retry", "when": 1060.0}, **function
    )
    [waits] = _pending(happening)
    assert waits.due == 1060.0
    assert "an event that worker failed on, and that is tried again or given up: Oops" in str(waits)


class TwoMappings:
    """Both are still to take it up."""

    def awaited(self, _mark: str, _takers: Sequence[Activity]) -> list[Awaited]:
        return [Awaited("a record that counts has not read", "counts"), Awaited("... archives ...", "archives")]


def _timed(happening: Happening, mapping: str, when: float, mark: str) -> int:
    data = {"what": "batching window", "when": when, "mapping": mapping}
    return happening.note(Kind.TIMER, "lambda", mapping, takes=(mark,), data=data)


def test_pending_window_waits_for_both_mappings_of_a_record(happening):
    happening.did(Kind.CALL, "kinesis", "PutRecord", data=BY_CLIENT, leaves=(RECORD,))
    of_archives = _timed(happening, "archives", 5000.0, RECORD)
    happening.did(Kind.BATCH, "lambda", "counts", takes=(RECORD,), data={"mapping": "counts"}, ended={"failed": ["1"]})
    roots = happening.history.roots_of(ROOT)

    def waits() -> Pending:
        [one] = pending(roots, happening.history, TwoMappings())  # type: ignore[arg-type]
        return one

    # The other one waits on no timer: it is in progress.
    assert waits().due is None
    _timed(happening, "counts", 6000.0, RECORD)
    # Now time is all that both wait for.
    waiting = waits()
    assert (waiting.due, waiting.timer and waiting.timer.id) == (5000.0, of_archives)


def test_message_behind_its_group_is_due_at_the_same_time(happening):
    marks = [f"message:{QUEUE}jobs.fifo:{n}" for n in range(3)]
    for mark, group in zip(marks, ("a", "a", "b"), strict=True):
        request = {"request": {"MessageGroupId": group}}
        happening.did(Kind.CALL, "sqs", "SendMessage", data={**BY_CLIENT, **request}, leaves=(mark,))
    happening.did(Kind.BATCH, "lambda", "worker", takes=(marks[0],), ended={"failed": ["0"]})
    data = {"what": "visibility timeout", "when": 5000.0}
    happening.note(Kind.TIMER, "sqs", "jobs.fifo", takes=(marks[0],), data=data)
    # The last is of another group: it is to be read now.
    assert [one.due for one in _pending(happening)] == [5000.0, 5000.0, None]
