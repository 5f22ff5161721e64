"""What becomes of an event that a function handles later
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html)."""

import base64
import gzip
import json

import pytest

from harness.journal.records import Kind, Phase

FAILS = "def handler(event, context): raise ValueError('no')\n"
TAKES = "def handler(event, context): return 'done'\n"


@pytest.fixture
def settle(aws):
    """`settle(function, **options)`: PutFunctionEventInvokeConfig."""

    def put(function, **options):
        aws("lambda").put_function_event_invoke_config(FunctionName=function.name, **options)

    return put


def _attempts(journal, made, count):
    found = []
    for _ in range(count):
        found.append(
            journal.wait(
                Kind.INVOCATION,
                lambda r: r.name == made.name and r.activity not in [f.activity for f in found],
                Phase.BEGIN,
            )
        )
    return found


def test_a_retry_to_come_says_when(function, settle, journal):
    made = function(FAILS)
    settle(made, MaximumRetryAttempts=1)
    mark = f"invocation:{made.send({})}"
    first, second = _attempts(journal, made, 2)
    timer = journal.wait(Kind.TIMER, lambda r: r.name == made.name)
    assert (timer.data["what"], timer.data["attempt"], timer.cause) == ("retry", 2, first.activity)
    assert first.at < timer.data["when"] <= second.at
    assert first.takes == second.takes == timer.leaves == (mark,)
    lost = journal.wait(Kind.DEAD_LETTER, lambda r: r.name == made.name)
    assert (lost.cause, lost.data["reason"], lost.data["attempts"]) == (second.activity, "RetriesExhausted", 2)
    assert "target" not in lost.data


def test_event_failed_for_good_is_sent_to_dead_letter_queue(function, settle, queue, journal):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq"""
    made = function(FAILS, DeadLetterConfig={"TargetArn": queue.arn})
    settle(made, MaximumRetryAttempts=0)
    made.send({"number": 1})
    queue.receive()
    note = journal.wait(Kind.DEAD_LETTER, lambda r: r.name == made.name)
    assert (note.data["reason"], note.data["target"], note.data["event"]) == (
        "RetriesExhausted",
        queue.arn,
        {"number": 1},
    )
    sent = journal.wait(Kind.CALL, lambda r: r.name == "SendMessage" and r.resource == queue.url, Phase.BEGIN)
    assert [r.kind for r in journal.causes(sent)] == [Kind.DEAD_LETTER, Kind.INVOCATION]


@pytest.mark.parametrize(("source", "condition"), [(TAKES, "OnSuccess"), (FAILS, "OnFailure")])
def test_a_destination_is_caused_by_the_invocation(function, settle, queue, journal, source, condition):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-async-destinations"""
    made = function(source)
    settle(made, MaximumRetryAttempts=0, DestinationConfig={condition: {"Destination": queue.arn}})
    made.send({})
    queue.receive()
    sent = journal.wait(Kind.CALL, lambda r: r.name == "SendMessage" and r.resource == queue.url, Phase.BEGIN)
    step, invocation = journal.causes(sent)
    assert step.kind is (Kind.DELIVERY if condition == "OnSuccess" else Kind.DEAD_LETTER)
    assert step.data["target"] == queue.arn
    assert (invocation.kind, invocation.name) == (Kind.INVOCATION, made.name)


def test_deleted_dead_letter_queue_loses_the_event(function, settle, queue, aws, journal):
    made = function(FAILS, DeadLetterConfig={"TargetArn": queue.arn})
    settle(made, MaximumRetryAttempts=0)
    aws("sqs").delete_queue(QueueUrl=queue.url)
    try:
        made.send({})
        note = journal.wait(Kind.DEAD_LETTER, lambda r: r.name == made.name and r.data["reason"] == "TargetRefused")
        assert "NonExistentQueue" in note.data["error"]["code"]
    finally:
        # The fixture deletes it again.
        aws("sqs").create_queue(QueueName=queue.url.rpartition("/")[2])


def test_log_subscription_is_caused_by_the_logging_invocation(function, aws, journal):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html"""
    reader = function("def handler(event, context): return event['awslogs']['data']\n")
    writer = function("def handler(event, context): print('told')\n")
    arn = reader.client.get_function(FunctionName=reader.name)["Configuration"]["FunctionArn"]
    group = f"/aws/lambda/{writer.name}"
    aws("logs").create_log_group(logGroupName=group)
    aws("lambda").add_permission(
        FunctionName=reader.name, StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    aws("logs").put_subscription_filter(logGroupName=group, filterName="all", filterPattern="", destinationArn=arn)
    writer.invoke({})
    read = journal.wait(Kind.INVOCATION, lambda r: r.name == reader.name, Phase.END)
    lines = json.loads(gzip.decompress(base64.b64decode(read.data["result"])))["logEvents"]
    assert any(line["message"].strip() == "told" for line in lines)
    begin = journal.wait(Kind.INVOCATION, lambda r: r.activity == read.activity, Phase.BEGIN)
    invoke, invocation, _ = journal.causes(begin)
    assert (invoke.name, invocation.kind, invocation.name) == ("Invoke", Kind.INVOCATION, writer.name)
    aws("logs").delete_log_group(logGroupName=group)
