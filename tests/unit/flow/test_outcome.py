"""Whether a flow failed: a failure counts unless a later attempt went well or a caller that waited for it handled it."""

from typing import Any

import pytest

from harness.flow.outcome import Outcome
from harness.flow.steps import ShownFlow
from harness.journal.records import Kind
from tests.unit.flow.happening import (
    BY_CLIENT,
    BY_FUNCTION,
    BY_SERVICE,
    FUNCTION,
    QUEUE,
    RULE,
    Happening,
    welcome_that_cannot_be_mailed,
)

ERROR: dict[str, Any] = {"error": {"errorType": "KeyError", "errorMessage": "'id'"}}


def _outcome(happened: Happening) -> Outcome:
    return ShownFlow(happened.activities).outcome()


def _invoked(happened: Happening, name: str, at: float, cause: int | None = None, **fields: Any) -> int:
    """A function that takes 0.1 s."""
    ended = fields.pop("ended", {})
    number = happened.begin(
        Kind.INVOCATION, "lambda", name, at, cause=cause, resource=f"{FUNCTION}{name}",
        data={"request_id": fields.pop("request_id", f"r-{at}")}, **fields,
    )  # fmt: skip
    happened.end(number, at + 0.1, data=ended)
    return number


def _asynchronous(happened: Happening, cause: int | None = None, by: dict[str, Any] = BY_CLIENT) -> None:
    happened.did(Kind.CALL, "lambda", "Invoke", 0.1, 0.1, cause=cause, resource="f", data=by, leaves=("invocation:i",))


def test_failed_attempt_with_later_success_is_ok() -> None:
    happened = Happening()
    _asynchronous(happened)
    _invoked(happened, "f", 1, takes=("invocation:i",), request_id="r", ended=ERROR)
    assert _outcome(happened) is Outcome.FAILED
    _invoked(happened, "f", 2, takes=("invocation:i",), request_id="r")
    assert _outcome(happened) is Outcome.OK


def test_event_that_was_given_up_is_failed() -> None:
    shown = ShownFlow(welcome_that_cannot_be_mailed().activities)
    assert shown.outcome() is Outcome.FAILED
    assert shown.failed is not None
    assert (shown.failed.attempts, shown.failed.said) == (3, "3 attempts, then given up")


def test_call_that_a_function_handled_is_ok() -> None:
    happened = Happening()
    request = happened.begin(Kind.REQUEST, "apigateway", "GET", data={"method": "GET", "path": "/"})
    function = happened.begin(Kind.INVOCATION, "lambda", "f", cause=request, resource=f"{FUNCTION}f")
    happened.did(Kind.CALL, "dynamodb", "PutItem", 0.1, 0.2, cause=function, data=BY_FUNCTION, ended=ERROR)
    happened.end(function, 0.3)
    happened.end(request, 0.4, data={"status": 409})
    assert _outcome(happened) is Outcome.OK


def test_call_of_a_client_with_an_error_is_failed() -> None:
    happened = Happening()
    happened.did(Kind.CALL, "dynamodb", "PutItem", data=BY_CLIENT, ended={**ERROR, "status": 400})
    assert _outcome(happened) is Outcome.FAILED


def test_consumer_that_failed_is_not_its_sender_s_to_handle() -> None:
    """The sender was answered before: it did not wait."""
    happened = Happening()
    sender = happened.begin(Kind.INVOCATION, "lambda", "sender", 0, resource=f"{FUNCTION}sender")
    _asynchronous(happened, sender, BY_FUNCTION)
    happened.end(sender, 0.2)
    _invoked(happened, "f", 1, takes=("invocation:i",), ended=ERROR)
    assert _outcome(happened) is Outcome.FAILED


def test_slow_sender_does_not_handle_its_consumer() -> None:
    """It still runs when the consumer fails, and waits for its own work."""
    happened = Happening()
    sender = happened.begin(Kind.INVOCATION, "lambda", "sender", 0, resource=f"{FUNCTION}sender")
    put = happened.begin(Kind.CALL, "events", "PutEvents", 0.1, cause=sender, data=BY_FUNCTION)
    work = happened.begin(Kind.WORK, "engine", "events", 0.1, cause=put)
    rule = happened.note(Kind.DECISION, "events", "r", 0.1, cause=work, data={"rule": f"{RULE}r", "passed": True})
    delivery = happened.begin(Kind.DELIVERY, "events", "t", 0.1, cause=rule, data={"target": f"{QUEUE}q"})
    happened.end(delivery, 0.2, data=ERROR)
    happened.end(work, 0.3)
    happened.end(put, 0.3)
    happened.end(sender, 9)
    assert _outcome(happened) is Outcome.FAILED


@pytest.mark.parametrize(("status", "outcome"), [("SUCCEEDED", Outcome.OK), ("FAILED", Outcome.FAILED)])
def test_task_that_an_execution_catches_is_ok(status: str, outcome: Outcome) -> None:
    happened = Happening()
    run = happened.begin(Kind.TRANSITION, "stepfunctions", "m", 0, data={"state_machine": "m", "execution": "x"})
    happened.note(Kind.TRANSITION, "stepfunctions", "TaskStateEntered", 0.1, cause=run, resource="Ask")
    work = happened.begin(Kind.WORK, "engine", "task", 0.1, cause=run)
    call = happened.begin(Kind.CALL, "lambda", "Invoke", 0.1, cause=work, resource="f", data=BY_SERVICE)
    _invoked(happened, "f", 0.2, call, ended=ERROR)
    happened.end(call, 0.4)
    happened.end(work, 0.5)
    details = {"event": {"type": "TaskFailed", "details": {"error": "KeyError"}}}
    happened.note(Kind.TRANSITION, "stepfunctions", "TaskFailed", 0.5, cause=run, resource="Ask", data=details)
    happened.end(run, 1, data={"status": status})
    assert _outcome(happened) is outcome


def test_batch_that_was_retried_is_ok() -> None:
    happened = Happening()
    happened.did(Kind.CALL, "sqs", "SendMessage", resource="q", data=BY_CLIENT, leaves=("message:q:1",))
    for at, failed in ((1, ["1"]), (2, [])):
        batch = happened.begin(
            Kind.BATCH, "lambda", "w", at, takes=("message:q:1",),
            data={"source": f"{QUEUE}q", "target": f"{FUNCTION}w", "records": [{"id": "1"}]},
        )  # fmt: skip
        call = happened.begin(Kind.CALL, "lambda", "Invoke", at, cause=batch, resource="w", data=BY_SERVICE)
        _invoked(happened, "w", at, call, ended=ERROR if failed else {})
        happened.end(call, at + 0.2)
        happened.end(batch, at + 0.3, data={"failed": failed})
        assert _outcome(happened) is (Outcome.FAILED if failed else Outcome.OK)


def test_dead_letter_is_failed_though_its_batch_went_well() -> None:
    happened = Happening()
    batch = happened.begin(Kind.BATCH, "lambda", "w", 0, data={"records": []})
    happened.note(Kind.DEAD_LETTER, "sqs", "q", 0.1, cause=batch, data={"reason": "MaxReceiveCountExceeded"})
    happened.end(batch, 0.2)
    assert _outcome(happened) is Outcome.FAILED


def test_findings_and_pending_come_before_failures() -> None:
    shown = ShownFlow(welcome_that_cannot_be_mailed().activities)
    assert shown.outcome(waits=True) is Outcome.PENDING
    assert shown.outcome(waits=True, lost=True) is Outcome.LOST


def test_activity_without_an_end_is_pending() -> None:
    happened = Happening()
    happened.begin(Kind.CALL, "sqs", "SendMessage", data=BY_CLIENT)
    assert _outcome(happened) is Outcome.PENDING
