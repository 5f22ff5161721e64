"""Asynchronous invocation (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html)."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

RECORDED = Path(__file__).parents[4] / "shared/oracle/aws-recorded/lambda_/test_lambda_destinations.json"

ATTEMPTS = """
    import pathlib, tempfile
    def handler(event, context):
        file = pathlib.Path(tempfile.gettempdir(), event["id"])
        attempt = int(file.read_text()) + 1 if file.exists() else 1
        file.write_text(str(attempt))
        if attempt <= event["fail"]:
            raise RuntimeError(f"attempt {attempt}")
        return attempt
"""


def recorded(test):
    """What AWS answered in the test of this name."""
    if not RECORDED.exists():
        pytest.skip(f"AWS's recorded answers are not at {RECORDED}")
    tests = json.loads(RECORDED.read_text())
    [name] = [name for name in tests if name.endswith(f"::{test}")]
    return tests[name]["recorded-content"]


def shape(value):
    """Keys and types, without values; a stack trace may have any length."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if key not in ("requestPayload", "responsePayload")}
    return type(value).__name__


def configure(aws, made, **config):
    aws("lambda").put_function_event_invoke_config(FunctionName=made.name, **config)


def on_success(queue):
    return {"DestinationConfig": {"OnSuccess": {"Destination": queue.arn}}}


def on_failure(queue):
    return {"DestinationConfig": {"OnFailure": {"Destination": queue.arn}}}


def test_a_success_destination_gets_the_event_and_the_result(function, queue, aws):
    made = function(ATTEMPTS)
    configure(aws, made, **on_success(queue))

    request_id = made.send({"id": "a", "fail": 0})

    envelope = json.loads(queue.receive()["Body"])
    assert envelope["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{made.name}:$LATEST",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert (envelope["requestPayload"], envelope["responsePayload"]) == ({"id": "a", "fail": 0}, 1)
    answer = recorded("test_assess_lambda_destination_invocation[Success-payload0]")["receive_message_result"]
    assert shape(envelope) == shape(answer["Messages"][0]["Body"])


def test_failing_event_is_tried_three_times_then_sent_on_failure(function, queue, aws):
    made = function(ATTEMPTS)
    configure(aws, made, **on_failure(queue))

    made.send({"id": "a", "fail": 9})

    envelope = json.loads(queue.receive()["Body"])
    assert envelope["requestContext"]["condition"] == "RetriesExhausted"
    assert envelope["requestContext"]["approximateInvokeCount"] == 3
    assert envelope["responsePayload"]["errorMessage"] == "attempt 3"
    answer = recorded("test_lambda_destination_default_retries")["receive_message_result"]
    assert shape(envelope) == shape(answer["Messages"][0]["Body"])


def test_an_event_that_fails_twice_succeeds_at_its_third_attempt(function, queue, aws):
    made = function(ATTEMPTS)
    configure(aws, made, **on_success(queue))

    made.send({"id": "a", "fail": 2})

    envelope = json.loads(queue.receive()["Body"])
    assert envelope["requestContext"]["approximateInvokeCount"] == 3
    assert envelope["responsePayload"] == 3


def test_without_retries_an_event_is_tried_once(function, queue, aws):
    made = function(ATTEMPTS)
    configure(aws, made, MaximumRetryAttempts=0, **on_failure(queue))

    made.send({"id": "a", "fail": 9})

    assert json.loads(queue.receive()["Body"])["requestContext"]["approximateInvokeCount"] == 1


@pytest.mark.parametrize("event", [{"id": "a", "fail": 9}, ["not", "an", "object"]], ids=["object", "list"])
def test_event_failed_for_good_is_whole_in_dead_letter_queue(function, queue, aws, event):
    made = function(
        "def handler(event, context): raise KeyError('no such user')\n", DeadLetterConfig={"TargetArn": queue.arn}
    )
    configure(aws, made, MaximumRetryAttempts=0)

    request_id = made.send(event)

    message = queue.receive()
    assert json.loads(message["Body"]) == event
    assert message["MessageAttributes"] == {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "'no such user'"},
    }
    [answer] = recorded("test_dead_letter_queue")["receive_result"]["Messages"]
    types = {name: value["DataType"] for name, value in answer["MessageAttributes"].items()}
    assert {name: value["DataType"] for name, value in message["MessageAttributes"].items()} == types


def test_a_dead_letter_topic_gets_the_event_with_its_error(function, queue, aws):
    topic = aws("sns").create_topic(Name=f"contract-{uuid4().hex[:12]}")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    made = function("def handler(event, context): raise KeyError('gone')\n", DeadLetterConfig={"TargetArn": topic})
    configure(aws, made, MaximumRetryAttempts=0)

    request_id = made.send({"user": 7})

    notification = json.loads(queue.receive()["Body"])
    aws("sns").delete_topic(TopicArn=topic)
    assert json.loads(notification["Message"]) == {"user": 7}
    assert notification["MessageAttributes"]["RequestID"]["Value"] == request_id
    assert notification["MessageAttributes"]["ErrorMessage"]["Value"] == "'gone'"


def test_the_first_event_after_an_update_reaches_the_new_code(function, queue, aws):
    made = function("def handler(event, context): return 'old'\n")
    configure(aws, made, **on_success(queue))
    made.send({})
    assert json.loads(queue.receive()["Body"])["responsePayload"] == "old"

    made.update("def handler(event, context): return 'new'\n")
    made.send({})

    assert json.loads(queue.receive()["Body"])["responsePayload"] == "new"
