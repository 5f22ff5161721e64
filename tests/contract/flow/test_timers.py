"""Timers: settle() waits for them, reports when they are due, or fires them now."""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import FlowTimeoutError, MissingCapabilityError, NotWaitingError
from harness.flow import Flows
from harness.journal.records import Kind
from tests.contract.functions import ROLE, Queue

FAILS = """
def handler(event, context):
    raise ValueError("not today")
"""
HANDLES = """
def handler(event, context):
    return len(event["Records"])
"""


@pytest.fixture
def mapped(aws) -> Iterator[Callable[..., str]]:
    """`mapped(function, source_arn, ...)`: an event source mapping, which ends with the test."""
    made: list[str] = []

    def make(function: Any, source_arn: str, **options: Any) -> str:
        mapping = aws("lambda").create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=source_arn, **options
        )
        made.append(mapping["UUID"])
        return str(mapping["UUID"])

    yield make
    for uuid_ in made:
        aws("lambda").delete_event_source_mapping(UUID=uuid_)


@pytest.fixture
def dead_letters(aws) -> Iterator[str]:
    """The URL of another queue."""
    url = aws("sqs").create_queue(QueueName=f"contract-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    yield url
    aws("sqs").delete_queue(QueueUrl=url)


def _hidden_for_minutes(aws, queue, dead_letters: str, attempts: int) -> None:
    """What a consumer of the queue fails on is hidden for ten minutes, and dead after some attempts."""
    target = aws("sqs").get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    policy = {"deadLetterTargetArn": target, "maxReceiveCount": attempts}
    aws("sqs").set_queue_attributes(
        QueueUrl=queue.url, Attributes={"VisibilityTimeout": "600", "RedrivePolicy": json.dumps(policy)}
    )


def test_hurry_makes_hidden_message_visible_at_once(flow, function, mapped, queue, dead_letters, aws):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html"""
    _hidden_for_minutes(aws, queue, dead_letters, attempts=2)
    mapped(function(FAILS), queue.arn, BatchSize=1)
    with flow() as f:
        aws("sqs").send_message(QueueUrl=queue.url, MessageBody="never")
    f.settle(hurry=True)
    assert len(f.find(Kind.INVOCATION)) == 2
    assert aws("sqs").receive_message(QueueUrl=dead_letters)["Messages"][0]["Body"] == "never"


def test_message_due_after_the_timeout_is_reported_at_once(flow, function, mapped, queue, dead_letters, aws):
    _hidden_for_minutes(aws, queue, dead_letters, attempts=2)
    made = function(FAILS)
    mapped(made, queue.arn, BatchSize=1)
    with flow() as f:
        aws("sqs").send_message(QueueUrl=queue.url, MessageBody="never")
    began = time.monotonic()
    with pytest.raises(FlowTimeoutError, match=r"due in (5\d\d\.\d|600\.0) s \(visibility timeout\)") as error:
        f.settle(timeout_seconds=300)
    assert time.monotonic() - began < 60
    assert f"{made.name} failed on, and that comes again" in str(error.value)
    assert "settle(hurry=True)" in str(error.value)
    [waits] = f.pending()
    assert waits.due == pytest.approx(time.time() + 600, abs=60)
    # Its consumer may be deleted now, and no other test may find it.
    f.settle(hurry=True)


def test_settle_waits_for_timers_due_soon(flow, function):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""
    with flow() as f:
        function(FAILS).send({})
        f.settle()
    retries = f.find(Kind.TIMER, service="lambda")
    attempts = f.find(Kind.INVOCATION)
    assert [timer.data["what"] for timer in retries] == ["retry", "retry"]
    assert all(attempt.begin.at >= timer.data["when"] for timer, attempt in zip(retries, attempts[1:], strict=True))


def _announced(timers):
    """The seconds that they were to wait, all together."""
    return sum(timer.data["when"] - timer.begin.at for timer in timers)


def test_hurry_fires_asynchronous_retry_at_once(flow, function):
    with flow() as f:
        function(FAILS).send({})
        f.settle(hurry=True)
    retries = f.find(Kind.TIMER, service="lambda")
    attempts = f.find(Kind.INVOCATION)
    assert len(attempts) == 3
    # A machine that stalls may make one of them late.
    assert any(attempt.begin.at < timer.data["when"] for timer, attempt in zip(retries, attempts[1:], strict=True))


def test_a_delayed_message_comes_at_once_when_time_is_hurried(flow, function, mapped, queue, aws):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html"""
    mapped(function(HANDLES), queue.arn)
    with flow() as f:
        aws("sqs").send_message(QueueUrl=queue.url, MessageBody="later", DelaySeconds=900)
    with pytest.raises(FlowTimeoutError, match=r"has not read; due in (8\d\d\.\d|900\.0) s \(delayed message\)"):
        f.settle()
    f.settle(hurry=True)
    assert len(f.find(Kind.INVOCATION)) == 1


def test_hurry_closes_batching_window_of_a_queue(flow, function, mapped, queue, aws):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching"""
    mapped(function(HANDLES), queue.arn, MaximumBatchingWindowInSeconds=200, BatchSize=100)
    with flow() as f:
        for number in range(3):
            aws("sqs").send_message(QueueUrl=queue.url, MessageBody=str(number))
    f.settle(hurry=True)
    [handled] = f.find(Kind.INVOCATION)
    assert handled.data["result"] == 3


def test_hurry_closes_batching_window_of_a_stream(flow, function, mapped, aws):
    name = f"contract-{uuid.uuid4().hex[:12]}"
    aws("kinesis").create_stream(StreamName=name, ShardCount=1)
    aws("kinesis").get_waiter("stream_exists").wait(StreamName=name)
    arn = aws("kinesis").describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
    mapped(function(HANDLES), arn, StartingPosition="TRIM_HORIZON", MaximumBatchingWindowInSeconds=200, BatchSize=100)
    try:
        with flow() as f:
            aws("kinesis").put_record(StreamName=name, PartitionKey="p", Data=b"one")
        f.settle(hurry=True)
        assert [handled.data["result"] for handled in f.find(Kind.INVOCATION)] == [1]
    finally:
        aws("kinesis").delete_stream(StreamName=name)


def test_hurry_retries_shard_records_at_once(flow, function, mapped, aws):
    """https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html"""
    name = f"contract-{uuid.uuid4().hex[:12]}"
    aws("kinesis").create_stream(StreamName=name, ShardCount=1)
    aws("kinesis").get_waiter("stream_exists").wait(StreamName=name)
    arn = aws("kinesis").describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
    mapped(function(FAILS), arn, StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=8)
    try:
        with flow() as f:
            aws("kinesis").put_record(StreamName=name, PartitionKey="p", Data=b"one")
        f.settle(hurry=True)
        attempts = f.find(Kind.INVOCATION)
        retries = f.find(Kind.TIMER, service="lambda")
        assert (len(attempts), len(retries)) == (9, 8)
        assert attempts[-1].begin.at - attempts[0].ended.at < _announced(retries) / 2
    finally:
        aws("kinesis").delete_stream(StreamName=name)


def test_hurry_retries_rule_target_at_once(flow, faults, queue, aws):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html"""
    name = f"contract-{uuid.uuid4().hex[:12]}"
    aws("events").put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    target = {"Id": "1", "Arn": queue.arn, "RetryPolicy": {"MaximumRetryAttempts": 5}}
    aws("events").put_targets(Rule=name, Targets=[target])
    refused = f"ends_with(QueueUrl, '/{queue.url.rpartition('/')[2]}')"
    try:
        with faults.failing("sqs", "SendMessage", code="LimitExceededException", when=refused), flow() as f:
            aws("events").put_events(Entries=[{"Source": name, "DetailType": "made", "Detail": "{}"}])
            f.settle(hurry=True)
        attempts, retries = f.find(Kind.DELIVERY, service="events"), f.find(Kind.TIMER, service="events")
        assert [attempt.data["attempt"] for attempt in attempts] == [1, 2, 3, 4, 5, 6]
        assert attempts[-1].begin.at - attempts[0].ended.at < _announced(retries) / 2
    finally:
        aws("events").remove_targets(Rule=name, Ids=["1"])
        aws("events").delete_rule(Name=name)


@pytest.fixture
def machine(aws) -> Iterator[Callable[..., str]]:
    """`machine(states, start)`; its ARN."""
    client, made = aws("stepfunctions"), []

    def make(states: dict[str, Any], start: str) -> str:
        arn = client.create_state_machine(
            name=f"contract-{uuid.uuid4().hex[:12]}",
            definition=json.dumps({"StartAt": start, "States": states}),
            roleArn=ROLE,
        )["stateMachineArn"]
        made.append(arn)
        return str(arn)

    yield make
    for arn in made:
        client.delete_state_machine(stateMachineArn=arn)


WAITS_FOR_A_MESSAGE = """
import boto3
def handler(event, context):
    boto3.client("sqs").receive_message(QueueUrl=event["from"], WaitTimeSeconds=20)["Messages"]
"""


def _say(queue, what: str, **state: Any) -> dict[str, Any]:
    parameters = {"QueueUrl": queue.url, "MessageBody": what}
    return {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": parameters, **state}


def _ask(queue, **state: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token"""
    parameters = {"QueueUrl": queue.url, "MessageBody": {"token.$": "$$.Task.Token"}}
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, **state}


def _start(aws, arn: str) -> str:
    return str(aws("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"])


def _status(aws, execution: str) -> str:
    return str(aws("stepfunctions").describe_execution(executionArn=execution)["status"])


def _said(aws, queue) -> list[str]:
    """What is in the queue, oldest first."""
    messages = aws("sqs").receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in messages.get("Messages", ())]


def _token(aws, queue) -> str:
    return str(json.loads(_said(aws, queue)[0])["token"])


def test_time_passes_in_its_order_when_it_is_hurried(flow, machine, queue, aws):
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html"""

    def branch(name: str, seconds: int) -> dict[str, Any]:
        states = {
            f"Rest {name}": {"Type": "Wait", "Seconds": seconds, "Next": f"Say {name}"},
            f"Say {name}": _say(queue, name, End=True),
        }
        return {"StartAt": f"Rest {name}", "States": states}

    both = {"Both": {"Type": "Parallel", "End": True, "Branches": [branch("later", 9000), branch("sooner", 600)]}}
    with flow() as f:
        execution = _start(aws, machine(both, "Both"))
    with pytest.raises(FlowTimeoutError, match=r"in the state Rest later, waits; due in [89]\d\d\d\.\d s \(Wait\)"):
        f.settle()
    f.settle(hurry=True)
    assert _status(aws, execution) == "SUCCEEDED"
    assert _said(aws, queue) == ["sooner", "later"]


def test_a_state_is_tried_again_at_once_when_time_is_hurried(flow, machine, faults, queue, aws):
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 900, "MaxAttempts": 3}]
    arn = machine({"Say": _say(queue, "hello", Retry=retry, End=True)}, "Say")
    refused = f"ends_with(QueueUrl, '/{queue.url.rpartition('/')[2]}')"
    with faults.failing("sqs", "SendMessage", code="AccessDenied", times=2, when=refused), flow() as f:
        execution = _start(aws, arn)
        f.settle(hurry=True)
    assert _status(aws, execution) == "SUCCEEDED"
    assert _said(aws, queue) == ["hello"]


def test_settle_ends_at_a_state_that_waits_for_a_callback(flow, machine, queue, aws):
    arn = machine({"Ask": _ask(queue, Next="Say"), "Say": _say(queue, "thanks", End=True)}, "Ask")
    with flow() as asked:
        execution = _start(aws, arn)
    asked.settle(waiting_for="Ask")
    assert _status(aws, execution) == "RUNNING"
    token = _token(aws, queue)
    with flow() as answered:
        aws("stepfunctions").send_task_success(taskToken=token, output="{}")
    # Of who has called back, and of who began it all.
    answered.settle()
    assert _status(aws, execution) == "SUCCEEDED"
    asked.settle()
    for f in (asked, answered):
        assert f.find(Kind.TRANSITION, name="TaskStateExited", resource="Say")


def test_pending_callback_is_reported_with_state_and_due_time(flow, machine, queue, aws):
    arn = machine({"Ask": _ask(queue, HeartbeatSeconds=600, TimeoutSeconds=3600, End=True)}, "Ask")
    with flow() as f:
        execution = _start(aws, arn)
    f.settle(waiting_for="Ask")
    [waits] = f.pending()
    assert str(waits).startswith(f"{execution}, in the state Ask, waits since ")
    assert re.search(r"heartbeat due in (600|5\d\d)\.\d s, times out in (3600|3[0-5]\d\d)\.\d s", str(waits))
    with flow() as beat:
        aws("stepfunctions").send_task_heartbeat(taskToken=_token(aws, queue))
    beat.settle()
    # A heartbeat ends nothing, and puts off when the next is due.
    f.settle(waiting_for="Ask")
    [still] = f.pending()
    assert (still.due or 0) > (waits.due or 0)
    f.settle(hurry=True)


def test_settle_waiting_for_a_state_without_callback_raises(flow, machine, queue, aws):
    with flow() as f:
        _start(aws, machine({"Say": _say(queue, "hello", End=True)}, "Say"))
    with pytest.raises(NotWaitingError, match="no execution waits for a callback in Ask"):
        f.settle(waiting_for="Ask")


def test_settle_waiting_for_callback_waits_for_other_branches(flow, machine, function, queue, aws):
    """A branch that has work to do is not taken for one that waits."""
    held = Queue(aws("sqs"))
    slow = function(WAITS_FOR_A_MESSAGE, Timeout=30)
    works = {
        "Work": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "Done",
                 "Parameters": {"FunctionName": slow.name, "Payload": {"from": held.url}}},
        "Done": {"Type": "Pass", "End": True},
    }  # fmt: skip
    branches = [{"StartAt": "Ask", "States": {"Ask": _ask(queue, End=True)}}, {"StartAt": "Work", "States": works}]
    with flow() as f:
        _start(aws, machine({"Both": {"Type": "Parallel", "Branches": branches, "End": True}}, "Both"))
    with ThreadPoolExecutor(1) as pool:
        settled = pool.submit(f.settle, waiting_for="Ask")
        f.wait_until(lambda seen: any(one.callback for one in seen.pending()))
        f.wait_until(lambda seen: seen.find(Kind.INVOCATION))
        assert not settled.done(), "the branch Ask waits, and Work has not ended"
        aws("sqs").send_message(QueueUrl=held.url, MessageBody="go on")
        settled.result()
    assert f.find(Kind.TRANSITION, name="PassStateExited", resource="Done")
    f.settle(hurry=True)


@pytest.mark.parametrize("limits", [{"TimeoutSeconds": 3600}, {"TimeoutSeconds": 3600, "HeartbeatSeconds": 600}])
def test_hurry_times_out_missing_callback_at_once(flow, machine, queue, aws, limits):
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Say"}]
    arn = machine({"Ask": _ask(queue, Catch=catch, End=True, **limits), "Say": _say(queue, "nobody", End=True)}, "Ask")
    with flow() as f:
        execution = _start(aws, arn)
    f.settle(hurry=True)
    assert _status(aws, execution) == "SUCCEEDED"
    assert _said(aws, queue)[1:] == ["nobody"]
    assert f.find(Kind.TRANSITION, name="TaskTimedOut")


def test_a_target_that_cannot_hurry_says_so(engine, queue, aws):
    flows = Flows(replace(engine, capabilities=engine.capabilities - {"fire"}))
    flows.open()
    with flows.flow() as f:
        aws("sqs").send_message(QueueUrl=queue.url, MessageBody="hello")
    with pytest.raises(MissingCapabilityError, match="makes due now"):
        f.settle(hurry=True)
    f.settle()
    flows.release(f)
    flows.close()
