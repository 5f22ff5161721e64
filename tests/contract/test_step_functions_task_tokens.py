"""A task token is good for one attempt of one task.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.functions import ROLE


@pytest.fixture
def started(aws, queue) -> Iterator[Callable[..., str]]:
    """`started(Retry=[...])`: the ARN of an execution whose first task waits for a callback, then for an hour."""
    states, made = aws("stepfunctions"), []

    def start(**task: Any) -> str:
        ask = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": queue.url, "MessageBody.$": "$$.Task.Token"},
            "Next": "Rest",
            **task,
        }
        definition = {"StartAt": "Ask", "States": {"Ask": ask, "Rest": {"Type": "Wait", "Seconds": 3600, "End": True}}}
        arn = states.create_state_machine(
            name=f"contract-{uuid.uuid4().hex[:12]}", roleArn=ROLE, definition=json.dumps(definition)
        )["stateMachineArn"]
        made.append(arn)
        return str(states.start_execution(stateMachineArn=arn)["executionArn"])

    yield start
    for arn in made:
        for execution in states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
            states.stop_execution(executionArn=execution["executionArn"])
        states.delete_state_machine(stateMachineArn=arn)


def _token(aws, queue) -> str:
    [message] = aws("sqs").receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
    aws("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
    return str(message["Body"])


def _refusals(aws, token: str) -> set[str]:
    """Step Functions' responses to a callback with this token, for each operation."""
    states, found = aws("stepfunctions"), set()
    for call, said in (
        (states.send_task_success, {"output": "{}"}),
        (states.send_task_failure, {}),
        (states.send_task_heartbeat, {}),
    ):
        with pytest.raises(ClientError) as error:
            call(taskToken=token, **said)
        found.add(error.value.response["Error"]["Code"])
    return found


def test_a_task_that_was_called_back_cannot_be_called_back_again(aws, queue, started):
    started()
    token = _token(aws, queue)
    aws("stepfunctions").send_task_success(taskToken=token, output="{}")
    assert _refusals(aws, token) == {"TaskTimedOut"}


def test_task_of_an_ended_execution_cannot_be_called_back(aws, queue, started):
    execution = started()
    token = _token(aws, queue)
    aws("stepfunctions").stop_execution(executionArn=execution)
    assert _refusals(aws, token) == {"TaskTimedOut"}


def test_unknown_task_token_is_invalid(aws):
    assert _refusals(aws, "invented") == {"InvalidToken"}


def test_a_task_that_is_tried_again_has_a_new_token(aws, flow, queue, started):
    with flow() as f:
        started(
            HeartbeatSeconds=600,
            Retry=[{"ErrorEquals": ["States.HeartbeatTimeout"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Rest"}],
        )
    f.settle(hurry=True)
    first, second = _token(aws, queue), _token(aws, queue)
    assert first != second
    assert _refusals(aws, first) == _refusals(aws, second) == {"TaskTimedOut"}
