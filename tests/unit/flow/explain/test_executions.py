"""What is said of an execution that failed or waits
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html)."""

import pytest

from harness.journal.records import Kind
from tests.unit.flow.explain.on_paper import MACHINE, only, told, topology
from tests.unit.flow.happening import Happening

STACK = """
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition:
        TimeoutSeconds: 60
        StartAt: Each
        States:
          Each:
            Type: Map
            ItemProcessor:
              StartAt: Ask
              States:
                Ask:
                  Type: Task
                  Resource: !GetAtt Work.Arn
                  Catch: [{ErrorEquals: [Busy], Next: Stop}]
                  End: true
                Stop: {Type: Fail, Error: Stopped, Cause: nobody is there}
            End: true
  Inner:
    Type: AWS::Serverless::StateMachine
    Properties: {Definition: {StartAt: Stop, States: {Stop: {Type: Fail}}}}
  Work: {Type: AWS::Serverless::Function}
"""


@pytest.fixture
def stack(tmp_path):
    return topology(tmp_path, STACK)


class Execution:
    """An execution that begins; `event` adds to its history."""

    def __init__(self, happened, machine="machine", cause=None):
        self.happened, self._events = happened, 0
        cause = cause or happened.did(Kind.CALL, "stepfunctions", "StartExecution")
        arn = MACHINE.replace("stateMachine", "execution") + f"{machine}:1"
        self.number = happened.begin(
            Kind.TRANSITION, "stepfunctions", machine, resource=arn, cause=cause,
            data={"state_machine": MACHINE + machine, "execution": arn, "input": {}},
        )  # fmt: skip

    def event(self, type_, state="", **details):
        self._events += 1
        event = {"id": self._events, "previous": self._events - 1, "type": type_, "details": details}
        return self.happened.note(
            Kind.TRANSITION, "stepfunctions", type_, resource=state, cause=self.number, data={"event": event}
        )  # fmt: skip

    def token(self, token):
        self.happened.note(
            Kind.TRANSITION, "stepfunctions", "TaskToken", cause=self.number, leaves=(f"task:{token}",),
            data={"event": {"type": "TaskToken"}},
        )  # fmt: skip

    def end(self, status, **ended):
        self.happened.end(self.number, 1.0, data={"status": status, **ended})


def called_back(happened, token, code):
    happened.did(
        Kind.CALL, "stepfunctions", "SendTaskSuccess", takes=(f"task:{token}",), trace="1-6b01b2d8-9558c7f63e0f29d5516c5dcb",
        ended={"error": {"code": code, "message": ""}},
    )  # fmt: skip


def failing(happened, **error):
    """An execution whose task fails."""
    execution = Execution(happened)
    execution.event("TaskStateEntered", "Ask")
    execution.event("TaskFailed")
    execution.event("ExecutionFailed")
    execution.end("FAILED", **error)
    return execution


def test_uncaught_error_finding_lists_errors_of_the_catch(stack):
    happened = Happening()
    failing(happened, error="States.TaskFailed", cause='{"errorMessage": "no such order.\\nmore"}')
    [finding] = told(happened, stack)
    assert (finding.cause, finding.place.line, finding.resource) == ("state-failed", 15, "shop.Machine")
    assert finding.sentence == (
        "State Ask of state machine Machine failed, and its Catch is for Busy only: States.TaskFailed: no such order."
    )


def test_a_fail_state_says_what_it_was_given(stack):
    happened = Happening()
    execution = Execution(happened)
    execution.event("FailStateEntered", "Stop")
    execution.event("ExecutionFailed")
    execution.end("FAILED", error="Stopped", cause="nobody is there")
    [finding] = told(happened, stack)
    assert (finding.cause, finding.place.line) == ("fail-state-reached", 20)
    assert (
        finding.sentence == "State machine Machine came to its state Stop, which fails with Stopped: nobody is there."
    )


@pytest.mark.parametrize(
    ("status", "end", "said"),
    [
        ("TIMED_OUT", "ExecutionTimedOut", ("execution-timed-out", 7, "State machine Machine did not end within its timeout, "
                                            "in state Ask.")),
        ("ABORTED", "ExecutionAborted", ("execution-stopped", 15, "An execution of state machine Machine was stopped in state "
                                         "Ask.")),
    ],
)  # fmt: skip
def test_unfinished_execution_is_explained_by_its_status(stack, status, end, said):
    happened = Happening()
    execution = Execution(happened)
    execution.event("TaskStateEntered", "Ask")
    execution.event(end)
    execution.end(status)
    [finding] = told(happened, stack)
    assert (finding.cause, finding.place.line, finding.sentence) == said


def test_handled_child_execution_has_no_finding(stack):
    for status, machines in (("SUCCEEDED", []), ("FAILED", ["shop.Inner"])):
        happened = Happening()
        outer = Execution(happened)
        entered = outer.event("TaskStateEntered", "Ask")
        inner = Execution(happened, "inner", entered)
        inner.event("FailStateEntered", "Stop")
        inner.event("ExecutionFailed")
        inner.end("FAILED", error="Stopped")
        if status == "FAILED":
            outer.event("TaskFailed")
            outer.event("ExecutionFailed")
        outer.end(status, **({"error": "States.TaskFailed", "cause": "Stopped"} if status == "FAILED" else {}))
        assert [finding.resource for finding in told(happened, stack)] == machines


def test_a_callback_after_another_one(stack):
    happened = Happening()
    execution = Execution(happened)
    execution.token("t")
    called_back(happened, "t", "TaskTimedOut")
    execution.end("SUCCEEDED", output={})
    assert only(happened, stack) == (
        "token-used-up",
        "SendTaskSuccess was refused (TaskTimedOut): the task of that token has ended, and state machine Machine has gone on "
        "without it.",
        True,
    )


def test_late_callback_is_explained_by_the_failed_execution(stack):
    happened = Happening()
    execution = failing(happened, error="States.Timeout")
    execution.token("t")
    called_back(happened, "t", "TaskTimedOut")
    assert [finding.cause for finding in told(happened, stack)] == ["state-failed"]


def test_callback_with_unknown_token_is_token_refused(stack):
    happened = Happening()
    called_back(happened, "t", "InvalidToken")
    assert only(happened, stack) == (
        "token-refused",
        "SendTaskSuccess was refused (InvalidToken): no task has that token.",
        True,
    )


def test_events_that_name_each_other_end_the_explanation(stack):
    """Child workflows of a distributed Map number their events from 1, so their ids collide with the execution's ids."""
    happened = Happening()
    execution = Execution(happened)
    execution.event("MapStateEntered", "Each")
    for number, previous in ((1, 2), (2, 1)):
        event = {"id": number, "previous": previous, "type": "PassStateEntered", "details": {}}
        happened.note(
            Kind.TRANSITION, "stepfunctions", "PassStateEntered", resource="Ask", cause=execution.number,
            data={"event": event},
        )  # fmt: skip
    execution._events = 2
    execution.event("ExecutionFailed")
    happened.end(execution.number, 1.0, data={"status": "FAILED", "error": "Odd"})
    assert len(told(happened, stack)) == 1
