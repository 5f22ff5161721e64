"""One failure has one finding, the most specific one; a failure that a retry corrected has none."""

import pytest

from harness.journal.records import Kind

STACK = """
  Table: {Type: AWS::DynamoDB::Table}
  Work: {Type: AWS::Lambda::Function, Properties: {FunctionName: work}}
"""
WORK = "arn:aws:lambda:us-east-1:000000000000:function:work"
THROTTLED = {"code": "ThrottlingException", "message": "Injected by a fault of the test harness."}


def raised(error):
    said = f"An error occurred ({error['code']}) when calling the PutItem operation: {error['message']}"
    return {"errorType": error["code"], "errorMessage": said}


def invoke(told, error=None, request_id="r", cause=None):
    return told.activity(
        Kind.INVOCATION, "lambda", "work", WORK, cause or told.call("lambda", "Invoke", WORK), request_id=request_id,
        **({"error": error} if error else {}),
    )  # fmt: skip


def test_function_failed_by_a_call_is_explained_by_the_call(recording):
    told = recording(STACK)
    failed = invoke(told, raised(THROTTLED))
    told.call("dynamodb", "PutItem", "table", failed, error=THROTTLED, fault="f")
    [finding] = told.explained()
    assert (finding.cause, finding.lost, finding.place.line) == ("fault", False, 4)
    assert finding.sentence == (
        "A fault that the test put in force let dynamodb PutItem of function Work fail with ThrottlingException."
    )


def test_function_failed_for_another_reason_is_explained_too(recording):
    told = recording(STACK)
    failed = invoke(told, {"errorType": "KeyError", "errorMessage": "'id'"})
    told.call("dynamodb", "PutItem", "table", failed, error=THROTTLED, fault="f")
    assert sorted(cause for cause, _ in told.told()) == ["fault", "handler-raised"]


def test_call_failed_in_an_earlier_attempt_has_no_finding(recording):
    told = recording(STACK)
    called = told.call("lambda", "Invoke", WORK)
    told.call("dynamodb", "PutItem", "table", invoke(told, raised(THROTTLED), cause=called), error=THROTTLED, fault="f")
    invoke(told, cause=called)
    assert not told.explained()


@pytest.mark.parametrize(("region", "causes"), [("eu-west-1", ["wrong-region"]), ("us-east-1", [])])
def test_a_call_that_fails_is_of_another_region_only_where_it_is(recording, region, causes):
    told = recording(STACK)
    missing = {"code": "ResourceNotFoundException", "message": "Requested resource not found"}
    told.call("dynamodb", "GetItem", "table", region=region, error=missing)
    assert [cause for cause, _ in told.told()] == causes


@pytest.mark.parametrize(("service", "operation", "error", "told_as"), [
    ("sqs", "SendMessage", ("InvalidParameterValue", "Reason: Message must be shorter than 1024 bytes."), ["too-large"]),
    ("sns", "Publish", ("InvalidParameter", "Invalid parameter: Message too long"), ["too-large"]),
    ("lambda", "Invoke", ("RequestTooLargeException", "Request must be smaller than 6291456 bytes"), ["too-large"]),
    ("dynamodb", "PutItem", ("ValidationException", "Item size has exceeded the maximum allowed size"), ["too-large"]),
    ("dynamodb", "PutItem", ("ConditionalCheckFailedException", "The conditional request failed"), []),
    # What is read is not sent.
    ("dynamodb", "Query", ("ValidationException", "exceeds the maximum size"), []),
])  # fmt: skip
def test_payload_too_large_is_recognised_for_each_service(recording, service, operation, error, told_as):
    told = recording(STACK)
    code, message = error
    told.call(service, operation, "somewhere", error={"code": code, "message": message})
    assert [cause for cause, _ in told.told()] == told_as
