"""What is said of a function that failed, and when it is said
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)."""

import pytest

from harness.flow.explain.failures import own_frames
from harness.journal.records import Kind
from tests.unit.flow.explain.on_paper import FUNCTION, QUEUE, only, told, topology
from tests.unit.flow.happening import Happening

STACK = """
  Work:
    Type: AWS::Serverless::Function
    Properties: {Timeout: 5, MemorySize: 256, ReservedConcurrentExecutions: 1}
  Other: {Type: AWS::Serverless::Function}
  Dead: {Type: AWS::SQS::Queue}
"""
WORK, OTHER = f"{FUNCTION}work", f"{FUNCTION}other"
NO = {"errorType": "ValueError", "errorMessage": "no"}
RAISED = "Function Work raised ValueError: no"
KILLED = {
    "errorType": "Runtime.ExitError",
    "errorMessage": "RequestId: r Error: Runtime exited with error: signal: killed",
}


@pytest.fixture
def stack(tmp_path):
    return topology(tmp_path, STACK)


def sent(happened):
    """An event to be handled later; its mark."""
    happened.did(Kind.CALL, "lambda", "Invoke", resource="work", leaves=("invocation:r",))
    return "invocation:r"


def attempt(happened, mark, error=None):
    ended = {"error": error} if error else {"result": None}
    return happened.did(Kind.INVOCATION, "lambda", "work", resource=WORK, takes=(mark,), ended=ended)


def called(happened, error=None, function=WORK, cause=None, log=""):
    """An event whose sender waits for the result."""
    call = happened.did(Kind.CALL, "lambda", "Invoke", resource=function, cause=cause)
    ended = {"log": log, **({"error": error} if error else {"result": None})}
    return happened.did(Kind.INVOCATION, "lambda", "work", resource=function, cause=call, ended=ended)


def given_up(happened, last, mark, **data):
    return happened.note(
        Kind.DEAD_LETTER, "lambda", "work", resource=WORK, cause=last, takes=(mark,),
        data={"source": WORK, "reason": "RetriesExhausted", **data},
    )  # fmt: skip


def test_event_handled_on_retry_has_no_finding(stack):
    happened = Happening()
    mark = sent(happened)
    attempt(happened, mark, NO)
    attempt(happened, mark)
    assert told(happened, stack) == []


def test_an_event_that_is_tried_again_is_not_lost(stack):
    happened = Happening()
    attempt(happened, sent(happened), NO)
    assert only(happened, stack) == ("handler-raised", f"{RAISED} in its only attempt; it is tried again.", False)


def test_an_event_that_grew_too_old(stack):
    happened = Happening()
    mark = sent(happened)
    given_up(happened, attempt(happened, mark, NO), mark, reason="EventAgeExceeded")
    assert only(happened, stack) == (
        "handler-raised",
        f"{RAISED} in its only attempt, and the event is older than the function keeps one; the event is lost, as the "
        "function has no dead-letter queue and no destination for failures.",
        True,
    )


def test_an_event_that_its_dead_letter_queue_refuses_is_lost(stack):
    happened = Happening()
    mark = sent(happened)
    note = given_up(happened, attempt(happened, mark, NO), mark, target=f"{QUEUE}dead")
    happened.note(Kind.DEAD_LETTER, "lambda", "work", cause=note, data={"reason": "TargetRefused", "error": {}})
    assert only(happened, stack) == (
        "handler-raised",
        f"{RAISED} in its only attempt; the event is lost, as queue Dead refused it.",
        True,
    )


def test_event_without_attempt_is_function_throttled(stack):
    happened = Happening()
    mark = sent(happened)
    happened.note(
        Kind.TIMER, "lambda", "work", resource=WORK, leaves=(mark,), data={"what": "retry", "throttled": True}
    )
    assert only(happened, stack) == (
        "function-throttled",
        "Function Work was throttled, as all of its reserved concurrency of 1 was in use; it is tried again.",
        False,
    )


def test_a_caller_that_is_throttled(stack):
    happened = Happening()
    error = {"code": "TooManyRequestsException", "message": "Rate Exceeded."}
    happened.did(Kind.CALL, "lambda", "Invoke", resource=WORK, ended={"error": error})
    [finding] = told(happened, stack)
    assert (finding.cause, finding.place.line, finding.lost) == ("function-throttled", 5, True)


def test_called_function_failure_is_explained_if_caller_fails(stack):
    for error, causes in ((None, []), ({"errorType": "KeyError", "errorMessage": "'id'"}, ["handler-raised"] * 2)):
        happened = Happening()
        call = happened.did(Kind.CALL, "lambda", "Invoke", resource=OTHER)
        outer = happened.begin(Kind.INVOCATION, "lambda", "other", resource=OTHER, cause=call)
        called(happened, NO, cause=outer)
        happened.end(outer, 1, data={"error": error} if error else {"result": 1})
        assert [finding.cause for finding in told(happened, stack)] == causes


@pytest.mark.parametrize(
    ("error", "log", "cause", "said", "line"),
    [
        (KILLED, "Memory Size: 256 MB\tMax Memory Used: 256 MB", "out-of-memory",
         "was killed, as it used more memory than the 256 MB that it has", 5),
        (KILLED, "Memory Size: 256 MB\tMax Memory Used: 40 MB", "function-exited",
         "ended in the middle of its work: Runtime exited with error: signal: killed", 3),
        ({"errorMessage": "2026-11-21T15:15:22.666Z r Task timed out after 5.00 seconds"}, "", "function-timed-out",
         "did not end within its timeout of 5 seconds", 5),
        ({"errorType": "Runtime.UserCodeSyntaxError", "errorMessage": "Syntax error in module 'index': invalid syntax"}, "",
         "import-failed", "cannot be loaded: Syntax error in module 'index': invalid syntax", 5),
        ({"errorType": "Runtime.MarshalError", "errorMessage": "Unable to marshal response: a set"}, "", "result-not-json",
         "returned what is not JSON: Unable to marshal response: a set", 3),
        ("gone", "", "handler-raised", "raised gone", 3),
    ],
)  # fmt: skip
def test_runtime_failure_is_explained_with_its_line(stack, error, log, cause, said, line):
    happened = Happening()
    called(happened, error, log=log)
    [finding] = told(happened, stack)
    assert (finding.cause, finding.sentence, finding.place.line) == (cause, f"Function Work {said}.", line)


def test_the_line_of_an_error_is_in_the_function_s_own_file():
    places = [
        ("/var/runtime/bootstrap.py", 1),
        ("/var/task/app/index.py", 4),
        ("/var/task/app/index.py", 9),
        ("/var/task/lib/money.py", 2),
    ]
    frames = own_frames({"stackTrace": [f'  File "{file}", line {line}, in total\n' for file, line in places]})
    assert [(frame.file, frame.line) for frame in frames] == [("app/index.py", 4), ("app/index.py", 9)]


def test_node_trace_has_the_innermost_frame_first():
    """https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html"""
    trace = [
        "Error: no",
        "    at total (file:///var/task/index.mjs:9:11)",
        "    at Runtime.handler (file:///var/task/index.mjs:3:5)",
    ]
    assert [frame.line for frame in own_frames({"trace": trace})] == [3, 9]
