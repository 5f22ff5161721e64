"""The names of errors that Step Functions reports, and which of them a Catch matches.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-error-representation
"""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.functions import ROLE


@pytest.fixture
def ended(aws, flow, queue) -> Iterator[Callable[..., dict[str, Any]]]:
    """`ended(HeartbeatSeconds=600)`: the end of an execution whose only task waits for a callback that never comes. The
    state `Taken` receives what it catches, and `Failed` fails with it."""
    states, made = aws("stepfunctions"), []

    def run(**task: Any) -> dict[str, Any]:
        asks = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": queue.url, "MessageBody": {"token.$": "$$.Task.Token"}},
            "End": True,
            **task,
        }
        others = {
            "Taken": {"Type": "Pass", "End": True},
            "Failed": {"Type": "Fail", "ErrorPath": "$.Error", "CausePath": "States.Format('in vain: {}', $.Error)"},
        }
        # A state that nothing leads to would be refused.
        reached = {name: others[name] for name in {each["Next"] for each in task.get("Catch", ())}}
        definition = {"StartAt": "Ask", "States": {"Ask": asks, **reached}}
        arn = states.create_state_machine(
            name=f"contract-{uuid.uuid4().hex[:12]}", roleArn=ROLE, definition=json.dumps(definition)
        )["stateMachineArn"]
        made.append(arn)
        with flow() as f:
            execution = states.start_execution(stateMachineArn=arn)["executionArn"]
        f.settle(hurry=True)
        described: dict[str, Any] = states.describe_execution(executionArn=execution)
        return described

    yield run
    for arn in made:
        states.delete_state_machine(stateMachineArn=arn)


def _catch(error: str, then: str = "Taken") -> list[dict[str, Any]]:
    return [{"ErrorEquals": [error], "Next": then}]


def test_a_missed_heartbeat_is_a_heartbeat_timeout(ended):
    assert ended(HeartbeatSeconds=600, TimeoutSeconds=3600)["error"] == "States.HeartbeatTimeout"


def test_a_task_that_takes_too_long_is_a_timeout(ended):
    assert ended(TimeoutSeconds=3600)["error"] == "States.Timeout"


@pytest.mark.parametrize("error", ["States.HeartbeatTimeout", "States.Timeout", "States.ALL"])
def test_missed_heartbeat_is_caught_by_name_and_as_timeout(ended, error):
    """A timeout is "a task that ran longer than TimeoutSeconds, or failed to send a heartbeat for longer than
    HeartbeatSeconds" (https://states-language.net/spec.html#appendix-a)."""
    end = ended(HeartbeatSeconds=600, TimeoutSeconds=3600, Catch=_catch(error))
    assert end["status"] == "SUCCEEDED"
    assert json.loads(end["output"])["Error"] == "States.HeartbeatTimeout"


@pytest.mark.parametrize("error", ["States.HeartbeatTimeout", "States.TaskFailed"])
def test_a_timeout_is_caught_by_nothing_else(ended, error):
    """`States.TaskFailed` stands for every error but a timeout."""
    assert ended(TimeoutSeconds=3600, Catch=_catch(error))["error"] == "States.Timeout"


def test_caught_service_error_can_be_the_error_of_a_fail_state(ended):
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html"""
    end = ended(TimeoutSeconds=3600, Catch=_catch("States.ALL", "Failed"))
    assert (end["error"], end["cause"]) == ("States.Timeout", "in vain: States.Timeout")
