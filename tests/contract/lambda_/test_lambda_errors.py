"""How invocations fail (https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html)."""

import re

import pytest
from botocore.exceptions import ClientError

INVALID_REQUEST = "InvalidRequestContentException"


def test_handler_exception_returns_type_message_and_stack(function):
    result = function("def handler(event, context):\n    raise ValueError('no such album')\n").invoke()

    assert result.error == "Unhandled"
    request_id = result.payload.pop("requestId")
    assert f"START RequestId: {request_id} " in result.log
    assert result.payload == {
        "errorMessage": "no such album",
        "errorType": "ValueError",
        "stackTrace": ["  File \"/var/task/index.py\", line 2, in handler\n    raise ValueError('no such album')\n"],
    }
    assert "[ERROR] ValueError: no such album" in result.log


def test_module_load_exception_is_returned_by_every_invocation(function):
    broken = function("raise RuntimeError('starts badly')\n")

    for result in (broken.invoke(), broken.invoke()):
        assert result.error == "Unhandled"
        assert (result.payload["errorType"], result.payload["errorMessage"]) == ("RuntimeError", "starts badly")
        assert "Status: error\tError Type: RuntimeError" in result.report


def test_module_that_cannot_be_imported_is_import_module_error(function):
    result = function("import nowhere_to_be_found\ndef handler(event, context): ...\n").invoke()

    assert result.payload == {
        "errorMessage": "Unable to import module 'index': No module named 'nowhere_to_be_found'",
        "errorType": "Runtime.ImportModuleError",
        "requestId": "",
        "stackTrace": [],
    }


def test_a_handler_that_is_missing_is_a_handler_not_found_error(function):
    result = function("def other(event, context): ...\n").invoke()

    assert result.payload["errorType"] == "Runtime.HandlerNotFound"
    assert result.payload["errorMessage"] == "Handler 'handler' missing on module 'index'"


def test_a_result_that_is_not_json_is_a_marshal_error(function):
    result = function("def handler(event, context): return {1, 2}\n").invoke()

    assert result.error == "Unhandled"
    assert result.payload["errorType"] == "Runtime.MarshalError"


SLOW = """
    import time
    calls = 0
    def handler(event, context):
        global calls
        calls += 1
        if event == "hang":
            print("before it hangs")
            time.sleep(60)
        return calls
"""


def test_first_event_over_the_timeout_is_sandbox_timedout(function):
    result = function(SLOW, Timeout=1).invoke("hang")

    request_id = re.search(r"START RequestId: (\S+)", result.log)[1]
    assert result.error == "Unhandled"
    assert result.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 1.00 seconds",
    }


def test_a_later_event_that_takes_too_long_ends_its_environment(function):
    slow = function(SLOW, Timeout=3)
    assert [slow.invoke().payload, slow.invoke().payload] == [1, 2]

    result = slow.invoke("hang")

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9a-f-]{36} Task timed out after 3.00 seconds",
        result.payload["errorMessage"],
    )
    assert "before it hangs\n" in result.log
    assert "Duration: 3000.00 ms\tBilled Duration: 3000 ms" in result.report
    assert result.report.rstrip().endswith("Status: timeout")
    fresh = slow.invoke()
    assert fresh.payload == 1, "the next event must find a fresh environment"
    assert "Init Duration" in fresh.report


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os._exit(7)", "Runtime exited with error: exit status 7"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_ended_runtime_is_exit_error_and_is_replaced(function, ending, reason):
    ends = function(f"import os\ndef handler(event, context):\n    if event: {ending}\n    return 'alive'\n")

    result = ends.invoke("end")

    request_id = re.search(r"START RequestId: (\S+)", result.log)[1]
    assert result.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: {reason}",
    }
    assert int(re.search(r"Max Memory Used: (\d+) MB", result.report)[1]) > 0
    assert ends.invoke().payload == "alive"


def test_a_response_over_six_megabytes_is_refused(function):
    result = function("def handler(event, context): return 'x' * event\n").invoke(6_291_600)

    assert result.error == "Unhandled"
    assert result.payload == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }


def test_a_function_that_needs_more_memory_than_it_has_is_ended(function):
    greedy = """
        import time
        def handler(event, context):
            held = bytearray(300 * 1024 * 1024)
            time.sleep(10)
            return len(held)
    """
    result = function(greedy, MemorySize=128).invoke()

    assert result.payload["errorType"] == "Runtime.OutOfMemory"
    assert "Max Memory Used: 128 MB" in result.report


def test_invoke_with_payload_that_is_not_json_is_refused(function, aws):
    made = function("def handler(event, context): ...\n")

    with pytest.raises(ClientError, match="Could not parse request body into json") as refused:
        aws("lambda").invoke(FunctionName=made.name, Payload=b"'quoted wrongly'")
    assert refused.value.response["Error"]["Code"] == INVALID_REQUEST


def test_a_client_context_that_is_not_json_is_refused(function, aws):
    made = function("def handler(event, context): ...\n")

    with pytest.raises(ClientError) as refused:
        aws("lambda").invoke(FunctionName=made.name, ClientContext="bm90IGpzb24=")
    assert refused.value.response["Error"]["Code"] == INVALID_REQUEST
