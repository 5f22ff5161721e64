"""What an update, and an end of the runtime, do not change."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.contract.functions import Queue

RECORDED = Path(__file__).parents[3].parent / "shared/oracle/aws-recorded/lambda_/test_lambda_destinations.json"
needs_node = pytest.mark.requires("lambda-nodejs")
TELLS = """
    import boto3
    def handler(event, context):
        boto3.client("sqs").send_message(QueueUrl=event["to"], MessageBody=str(event["n"]))
        if event.get("fails"):
            raise Exception("intentional failure")
"""


def test_an_update_lets_running_invocations_end(function, queue, aws):
    """https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html: the function stays as it was meanwhile."""
    runs = function(
        """
        import boto3
        def handler(event, context):
            sqs = boto3.client("sqs")
            sqs.send_message(QueueUrl=event["to"], MessageBody="began")
            sqs.receive_message(QueueUrl=event["from"], WaitTimeSeconds=20)["Messages"]
            return "ended"
    """,
        Timeout=30,
    )
    released = Queue(aws("sqs"))
    results: list[Any] = []
    running = threading.Thread(target=lambda: results.append(runs.invoke({"to": queue.url, "from": released.url})))
    running.start()
    assert queue.receive()["Body"] == "began"
    aws("lambda").update_function_configuration(FunctionName=runs.name, Description="changed")
    aws("lambda").get_waiter("function_updated_v2").wait(FunctionName=runs.name)
    aws("sqs").send_message(QueueUrl=released.url, MessageBody="go on")
    running.join(20)
    [result] = results
    assert (result.error, result.payload) == (None, "ended"), result


def test_events_sent_during_function_updates_run_once_each(function, queue, aws):
    tells = function(TELLS)
    for n in range(12):
        tells.send({"to": queue.url, "n": n})
        if n % 4 == 0:
            aws("lambda").update_function_configuration(FunctionName=tells.name, Description=str(n))
    assert sorted(int(queue.receive()["Body"]) for _ in range(12)) == list(range(12))
    assert "Messages" not in queue.client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=1)


def test_refused_result_does_not_fail_the_next_event(function):
    """The runtime ends when its answer is refused; the next event must not meet it while it does."""
    answers = function("def handler(event, context):\n    return 'x' * event")
    for _ in range(3):
        assert answers.invoke(7_000_000).payload["errorType"] == "Function.ResponseSizeTooLarge"
        result = answers.invoke(1)
        assert (result.error, result.payload) == (None, "x"), result


def test_a_failure_reaches_an_event_bus_as_aws_writes_it(function, queue, aws: Callable[[str], Any]):
    if not RECORDED.exists():
        pytest.skip("the recordings of AWS are not beside this repository (../shared/oracle)")
    [recorded] = [
        content["recorded-content"]["lambda_destination_event_bus_failure"]
        for name, content in json.loads(RECORDED.read_text()).items()
        if name.endswith("::test_invoke_lambda_eventbridge")
    ]
    bus = f"contract-{uuid4().hex[:12]}"
    bus_arn = aws("events").create_event_bus(Name=bus)["EventBusArn"]
    aws("events").put_rule(Name=bus, EventBusName=bus, EventPattern=json.dumps({"source": ["lambda"]}))
    aws("events").put_targets(Rule=bus, EventBusName=bus, Targets=[{"Id": "1", "Arn": queue.arn}])
    fails = function(TELLS)
    aws("lambda").put_function_event_invoke_config(
        FunctionName=fails.name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": bus_arn}}
    )
    fails.send({"to": queue.url, "n": "attempt", "fails": True})
    assert queue.receive()["Body"] == "attempt"
    event = json.loads(queue.receive()["Body"])
    assert event.keys() == recorded.keys()
    assert event["detail"].keys() == recorded["detail"].keys()
    assert (event["source"], event["detail-type"]) == (recorded["source"], recorded["detail-type"])
    function_arn = f"arn:aws:lambda:us-east-1:000000000000:function:{fails.name}:$LATEST"
    assert event["resources"] == [bus_arn, function_arn]


def test_function_path_omits_programs_of_the_engine(function):
    path = function("import os\ndef handler(event, context):\n    return os.environ['PATH']").invoke({}).payload
    assert path.split(":") == ["/usr/local/bin", "/usr/bin", "/bin"]


def test_function_update_to_unsupported_runtime_is_refused(function, aws):
    stays = function("def handler(event, context):\n    return 'here'")
    with pytest.raises(ClientError, match=r"The runtime java21 does not run here") as refused:
        aws("lambda").update_function_configuration(FunctionName=stays.name, Runtime="java21")
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert stays.invoke({}).payload == "here"


@needs_node
def test_node_error_trace_has_runtime_frames_as_on_aws(function):
    source = "exports.handler = async () => { throw new TypeError('no'); };"
    result = function(source, path="index.js", Runtime="nodejs20.x").invoke({})
    assert result.payload["trace"][0] == "TypeError: no"
    assert "/var/task/index.js:1" in result.payload["trace"][1]
    assert not [frame for frame in result.payload["trace"] if "harness" in frame]
    logged = json.loads(result.log.partition("Invoke Error \t")[2].partition("\n")[0])
    assert logged.keys() == {"errorType", "errorMessage", "stack"}


@needs_node
def test_node_handler_without_promise_or_callback_returns_null(function):
    """https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html"""
    source = "exports.handler = (event, context, callback) => { return 'ignored'; };"
    silent = function(source, path="index.js", Runtime="nodejs20.x")
    assert [silent.invoke({}).payload, silent.invoke({}).payload] == [None, None]
