"""What a state machine's execution does
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-executions.html)."""

import hashlib
import json
import uuid

import pytest

from harness.journal.records import Kind, Phase
from tests.contract.functions import ROLE


@pytest.fixture
def machine(aws):
    """`machine(states, start)`; its ARN."""
    client, made = aws("stepfunctions"), []

    def make(states, start):
        definition = json.dumps({"StartAt": start, "States": states})
        arn = client.create_state_machine(name=f"journal-{uuid.uuid4().hex[:12]}", definition=definition, roleArn=ROLE)[
            "stateMachineArn"
        ]
        made.append(arn)
        return arn

    yield make
    for arn in made:
        client.delete_state_machine(stateMachineArn=arn)


def _begun(journal, execution):
    return journal.wait(Kind.TRANSITION, lambda r: r.resource == execution, Phase.BEGIN)


def _transitions(journal, begun):
    """The names of the history's events of an execution, in their order."""
    found = journal.all()
    notes = [r for r in found if r.kind is Kind.TRANSITION and r.phase is Phase.NOTE]
    return [r.name for r in notes if begun in journal.causes(r)]


def test_execution_is_an_activity_that_causes_its_history(aws, machine, journal):
    arn = machine({"Say": {"Type": "Pass", "Result": {"said": "hello"}, "End": True}}, "Say")
    started = aws("stepfunctions").start_execution(stateMachineArn=arn, input='{"to": "you"}')["executionArn"]
    begun = _begun(journal, started)
    assert begun.data["input"] == {"to": "you"}
    assert [r.name for r in journal.causes(begun)] == ["StartExecution"]
    ended = journal.end(begun).data
    assert ended == {"status": "SUCCEEDED", "output": {"said": "hello"}}
    assert _transitions(journal, begun) == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    entered = journal.wait(Kind.TRANSITION, lambda r: r.cause == begun.activity and r.name == "PassStateEntered")
    assert entered.resource == "Say"
    assert entered.data["event"]["details"]["input"] == {"to": "you"}


def test_an_execution_that_fails_says_why(aws, machine, journal):
    arn = machine({"Stop": {"Type": "Fail", "Error": "NoWay", "Cause": "because"}}, "Stop")
    started = aws("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"]
    ended = journal.end(_begun(journal, started)).data
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "NoWay", "because")


def test_call_of_a_task_is_caused_by_the_execution(aws, machine, queue, journal):
    send = {"QueueUrl": queue.url, "MessageBody.$": "$.said"}
    states = {
        "Each": {
            "Type": "Map", "ItemsPath": "$", "End": True,
            "ItemProcessor": {"StartAt": "Send", "States": {
                "Send": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": send, "End": True},
            }},
        }
    }  # fmt: skip
    items = [{"said": "one"}, {"said": "two"}]
    arn = machine(states, "Each")
    started = aws("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps(items))["executionArn"]
    begun = _begun(journal, started)
    journal.end(begun)
    sent = [r for r in journal.all() if r.name == "SendMessage" and r.resource == queue.url and r.phase is Phase.BEGIN]
    assert len(sent) == 2
    assert all(begun in journal.causes(r) for r in sent)


def test_callback_takes_the_token_and_causes_what_follows(aws, machine, queue, journal):
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token"""
    ask = {"QueueUrl": queue.url, "MessageBody": {"token.$": "$$.Task.Token"}}
    told = {"QueueUrl": queue.url, "MessageBody.$": "$.said"}
    states = {
        "Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": ask,
            "TimeoutSeconds": 300, "Next": "Tell",
        },
        "Tell": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": told, "End": True},
    }  # fmt: skip
    arn = machine(states, "Ask")
    started = aws("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"]
    token = json.loads(queue.receive()["Body"])["token"]
    mark = f"task:{hashlib.sha256(token.encode()).hexdigest()[:32]}"
    waits = journal.wait(Kind.TIMER, lambda r: mark in r.leaves)
    assert (waits.data["what"], waits.data["when"]) == ("task timeout", pytest.approx(waits.at + 300, abs=60))
    begun = _begun(journal, started)
    assert begun in journal.causes(waits)
    left = journal.wait(Kind.TRANSITION, lambda r: mark in r.leaves)
    asked = journal.wait(Kind.CALL, lambda r: r.name == "SendMessage" and r.resource == queue.url, Phase.BEGIN)
    assert left.sequence < asked.sequence
    aws("stepfunctions").send_task_success(taskToken=token, output='{"said": "thanks"}')
    assert queue.receive()["Body"] == "thanks"
    call = journal.wait(Kind.CALL, lambda r: r.name == "SendTaskSuccess" and mark in r.takes, Phase.BEGIN)
    assert call.cause is None
    [outcome] = journal.end(call).leaves
    returned = journal.wait(Kind.TRANSITION, lambda r: outcome in r.takes)
    assert begun in journal.causes(returned)
    journal.end(begun)
    sent = [r for r in journal.all() if r.name == "SendMessage" and r.resource == queue.url and r.phase is Phase.BEGIN]
    assert [returned in journal.causes(r) for r in sent] == [False, True]


def test_a_wait_says_when_it_ends(aws, machine, journal):
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html"""
    arn = machine({"Rest": {"Type": "Wait", "Seconds": 600, "End": True}}, "Rest")
    started = aws("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"]
    begun = _begun(journal, started)
    timer = journal.wait(Kind.TIMER, lambda r: r.data.get("what") == "Wait" and begun in journal.causes(r), Phase.BEGIN)
    assert timer.data["when"] == pytest.approx(timer.at + 600, abs=60)
    aws("stepfunctions").stop_execution(executionArn=started)
    assert journal.end(begun).data["status"] == "ABORTED"


def test_a_retry_to_come_says_when(aws, machine, journal):
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
    states = {
        "Call": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True,
            "Parameters": {"QueueUrl": "http://localhost/000000000000/nowhere-to-be-found", "MessageBody": "hello"},
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        }
    }  # fmt: skip
    started = aws("stepfunctions").start_execution(stateMachineArn=machine(states, "Call"))["executionArn"]
    begun = _begun(journal, started)
    timer = journal.wait(
        Kind.TIMER, lambda r: r.data.get("what") == "retry" and begun in journal.causes(r), Phase.BEGIN
    )
    assert timer.data["when"] == pytest.approx(timer.at + 1, abs=1)
    assert journal.end(begun).data["status"] == "FAILED"
