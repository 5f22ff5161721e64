"""The steps of a flow: hidden activities belong to the step that they serve, and each activity is in exactly one step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.flow.error_text import error_text
from harness.flow.labels import path_of
from harness.flow.outcome import Outcome
from harness.flow.steps import ShownFlow, Step, counted
from harness.journal.records import Kind
from tests.unit.flow.happening import (
    BY_CLIENT,
    BY_SERVICE,
    FUNCTION,
    QUEUE,
    RULE,
    TOPIC,
    Happening,
    welcome_that_cannot_be_mailed,
)


def _name(resource: str) -> str:
    return resource.rpartition("/")[2].rpartition(":")[2]


def _told(happened: Happening) -> list[Step]:
    return counted(ShownFlow(happened.activities, _name).steps)


def _outline(told: list[Step], depth: int = 0) -> list[str]:
    lines = []
    for step in told:
        said = f" ({step.outcome.value}: {step.said})" if step.said or step.outcome is not Outcome.OK else ""
        lines.append("  " * depth + str(step) + (f" ×{step.times}" if step.times > 1 else "") + said)
        lines += _outline(step.children, depth + 1)
    return lines


def test_attempts_are_below_the_step_of_their_event():
    assert _outline(_told(welcome_that_cannot_be_mailed())) == [
        "events PutEvents lumen: UserRegistered",
        "  rule registrations",
        "    function welcome (failed: 3 attempts, then given up)",
        "      attempt 1 (failed: Paused: Sending is paused.)",
        "        dynamodb PutItem sent",
        "        ses SendEmail (failed: Paused: Sending is paused.)",
        "      attempt 2 (failed: Paused: Sending is paused.)",
        "        dynamodb PutItem sent",
        "        ses SendEmail (failed: Paused: Sending is paused.)",
        "      attempt 3 (failed: Paused: Sending is paused.)",
        "        dynamodb PutItem sent",
        "        ses SendEmail (failed: Paused: Sending is paused.)",
        "      given up, kept in dead (failed: RetriesExhausted)",
    ]


def _of_a_queue(happened: Happening, message: str, at: float, **ended) -> None:
    """A batch that a function handles."""
    batch = happened.begin(
        Kind.BATCH, "lambda", "worker", at, takes=(message,),
        data={"source": f"{QUEUE}orders", "target": f"{FUNCTION}worker", "records": [{"id": "1"}]},
    )  # fmt: skip
    invoke = happened.begin(Kind.CALL, "lambda", "Invoke", at, cause=batch, resource="worker", data=BY_SERVICE)
    happened.did(Kind.INVOCATION, "lambda", "worker", at, at + 0.1, cause=invoke, resource=f"{FUNCTION}worker")
    happened.end(invoke, at + 0.1)
    happened.end(batch, at + 0.2, data=ended)


def test_redelivered_message_is_a_step_below_its_sender():
    happened = Happening()
    happened.did(Kind.CALL, "sqs", "SendMessage", resource=f"{QUEUE}orders", data=BY_CLIENT, leaves=("message:q:1",))
    _of_a_queue(happened, "message:q:1", 1, failed=["1"])
    _of_a_queue(happened, "message:q:1", 2)
    assert _outline(_told(happened)) == [
        "sqs SendMessage orders",
        "  function worker ← 1 message of orders (failed: 1 of them failed)",
        "  function worker ← 1 message of orders",
    ]


def test_batch_is_below_first_sender_and_others_refer_to_it():
    happened = Happening()
    for mark in ("message:q:1", "message:q:2", "message:q:3"):
        happened.did(Kind.CALL, "sqs", "SendMessage", resource=f"{QUEUE}orders", data=BY_CLIENT, leaves=(mark,))
    happened.did(
        Kind.BATCH, "lambda", "worker", 1, takes=("message:q:1", "message:q:2", "message:q:3"),
        data={"source": f"{QUEUE}orders", "target": f"{FUNCTION}worker", "records": [{}, {}, {}]},
    )  # fmt: skip
    assert _outline(_told(happened)) == [
        "sqs SendMessage orders",
        "  function worker ← 3 messages of orders",
        "sqs SendMessage orders ×2 (ok: in a batch above)",
    ]


def test_topic_step_has_its_subscribers_and_worded_refusals():
    happened = Happening()
    publish = happened.begin(Kind.CALL, "sns", "Publish", resource=f"{TOPIC}news", data=BY_CLIENT)
    work = happened.begin(Kind.WORK, "engine", "sns_pub", cause=publish)
    happened.note(
        Kind.DECISION, "sns", "filter policy", cause=publish,
        data={"rule": f"{TOPIC}news:sms", "passed": False, "reason": "FilterPolicy"},
    )  # fmt: skip
    delivery = happened.begin(
        Kind.DELIVERY, "sns", "sqs", cause=work, resource=f"{TOPIC}news:audit", data={"target": f"{QUEUE}audit"}
    )
    happened.did(Kind.CALL, "sqs", "SendMessage", cause=delivery, resource=f"{QUEUE}audit", data=BY_SERVICE)
    happened.end(delivery, 0.1)
    happened.end(work, 0.1)
    happened.end(publish, 0.1)
    assert _outline(_told(happened)) == [
        "sns Publish news",
        "  queue audit",
        "  subscription sms (refused: its filter policy does not match)",
    ]


def test_a_delivery_that_was_refused_says_so_once():
    happened = Happening()
    rule = happened.note(Kind.DECISION, "events", "r", data={"rule": f"{RULE}r", "passed": True})
    delivery = happened.begin(Kind.DELIVERY, "events", "q", cause=rule, data={"target": f"{QUEUE}q"})
    denied = {"error": {"code": "AccessDenied", "message": "no"}}
    happened.did(Kind.CALL, "sqs", "SendMessage", cause=delivery, resource=f"{QUEUE}q", data=BY_SERVICE, ended=denied)
    happened.end(delivery, 0.1, data=denied)
    assert _outline(_told(happened)) == ["rule r", "  queue q (failed: AccessDenied: no)"]


def test_request_step_has_its_path_and_status():
    happened = Happening()
    request = happened.begin(
        Kind.REQUEST, "apigateway", "GET", data={"method": "GET", "path": "/_aws/execute-api/a1/v1/users/7"}
    )
    happened.note(
        Kind.DECISION,
        "apigateway",
        "jwt",
        cause=request,
        data={"rule": "jwt", "passed": False, "reason": "UNAUTHORIZED"},
    )
    happened.end(request, 0.1, data={"status": 401})
    assert _outline(_told(happened)) == ["GET /users/7 (refused: 401)", "  authorizer jwt (refused: UNAUTHORIZED)"]


@pytest.mark.parametrize(
    ("recorded", "known"),
    [
        ("/_aws/execute-api/a1/v1/users", "/users"),
        ("/_aws/execute-api/a1/v1", "/"),
        ("/restapis/a1/v1/_user_request_/users/7", "/users/7"),
        ("/v1/users", "/v1/users"),
        (None, "/"),
    ],
)
def test_a_path_is_that_of_the_deployed_api(recorded, known):
    assert path_of(recorded) == known


def test_execution_steps_are_below_their_state():
    happened = Happening()
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:campaign"
    execution = happened.begin(Kind.TRANSITION, "stepfunctions", "campaign", data={"state_machine": machine})
    for state in ("Ask", "Tell"):
        happened.note(Kind.TRANSITION, "stepfunctions", "TaskStateEntered", cause=execution, resource=state)
        happened.note(Kind.TRANSITION, "stepfunctions", "TaskScheduled", cause=execution, resource=state)
        happened.did(Kind.CALL, "sqs", f"Send{state}", cause=execution, resource="q", data=BY_SERVICE)
        happened.note(Kind.TRANSITION, "stepfunctions", "TaskStateExited", cause=execution, resource=state)
    happened.end(execution, 1, data={"status": "FAILED", "error": "States.Timeout", "cause": "too\nslow"})
    assert _outline(_told(happened)) == [
        "execution of campaign (failed: States.Timeout: too slow)",
        "  state Ask",
        "    sqs SendAsk q",
        "  state Tell",
        "    sqs SendTell q",
    ]


def test_service_event_is_a_step_only_if_a_rule_matches():
    happened = Happening()
    start = happened.begin(Kind.CALL, "stepfunctions", "StartExecution", resource="campaign", data=BY_CLIENT)
    for number, decided in enumerate(({"passed": False, "reason": "NoRules"}, {"passed": True, "rule": f"{RULE}done"})):
        put = happened.did(Kind.CALL, "events", "PutEvents", number, cause=start, resource="default", data=BY_SERVICE)
        happened.note(Kind.DECISION, "events", "r", number, cause=put, data=decided)
    happened.end(start, 2)
    assert _outline(_told(happened)) == [
        "stepfunctions StartExecution campaign", "  events PutEvents default", "    rule done"
    ]  # fmt: skip


def test_repeated_calls_are_counted_unless_they_cause_something():
    happened = Happening()
    for _ in range(3):
        happened.did(Kind.CALL, "sqs", "ReceiveMessage", resource="q", data=BY_CLIENT)
    happened.did(Kind.CALL, "sqs", "SendMessage", resource="q", data=BY_CLIENT, leaves=("message:q:1",))
    happened.did(Kind.CALL, "sqs", "SendMessage", resource="q", data=BY_CLIENT, leaves=("message:q:2",))
    _of_a_queue(happened, "message:q:2", 1)
    assert [(str(step), step.times) for step in _told(happened)] == [
        ("sqs ReceiveMessage q", 3), ("sqs SendMessage q", 1), ("sqs SendMessage q", 1)
    ]  # fmt: skip


def test_unfinished_step_is_pending_without_duration():
    happened = Happening()
    call = happened.begin(Kind.CALL, "lambda", "Invoke", resource="f", data=BY_SERVICE)
    happened.begin(Kind.INVOCATION, "lambda", "f", cause=call, resource=f"{FUNCTION}f")
    [step] = _told(happened)
    assert (str(step), step.outcome, step.seconds) == ("function f", Outcome.PENDING, None)


def test_event_no_function_has_taken_is_pending():
    happened = Happening()
    happened.did(Kind.CALL, "lambda", "Invoke", resource="f", data=BY_SERVICE, leaves=("invocation:r",))
    assert _outline(_told(happened)) == ["function f (pending: has not taken it up)"]


def test_call_step_has_its_subject_and_omits_unreadable_values():
    happened = Happening()
    happened.did(Kind.CALL, "cognito-idp", "SignUp", data={**BY_CLIENT, "request": {"Username": "ada@people.example"}})
    happened.did(Kind.CALL, "s3", "PutObject", data={**BY_CLIENT, "request": {"$cut": {"bytes": 200_000}}})
    assert _outline(_told(happened)) == ["cognito-idp SignUp ada@people.example", "s3 PutObject"]


def test_function_invoked_from_outside_is_the_step_of_its_call():
    happened = Happening()
    call = happened.begin(Kind.CALL, "lambda", "Invoke", resource="f", data=BY_CLIENT)
    happened.did(Kind.INVOCATION, "lambda", "f", 0.1, 0.3, cause=call, resource=f"{FUNCTION}f")
    happened.end(call, 0.5)
    [step] = _told(happened)
    assert (str(step), step.seconds) == ("lambda Invoke f", pytest.approx(0.5))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("it broke\nbadly", "it broke badly"),
        ({"code": "Denied", "message": "no"}, "Denied: no"),
        ({"errorType": "KeyError", "errorMessage": "'id'"}, "KeyError: 'id'"),
        ({"code": "Throttled"}, "Throttled"),
        ({"message": "only words"}, "only words"),
        ({}, ""),
    ],
)
def test_error_text_is_one_line(error, text):
    assert str(error_text(error) or "") == text


KINDS = [kind for kind in Kind if kind not in (Kind.WORK, Kind.TIMER, Kind.TRANSITION, Kind.DECISION)]
"""Those that are never hidden without a step, but for an archive's."""


def test_each_attempt_is_in_exactly_one_step():
    happened = welcome_that_cannot_be_mailed()
    told = [activity.id for step in _told(happened) for each in step.walk() for activity in each.activities]
    assert len(told) == len(set(told))
    kept = {a.id for a in happened.activities if a.kind in KINDS and a.begin.name != "Events-Archive-all"}
    assert kept <= set(told)


@given(st.lists(st.tuples(st.sampled_from(list(Kind)), st.integers(0, 30), st.booleans()), min_size=1, max_size=30))
def test_each_activity_is_in_exactly_one_step(happenings):
    happened = Happening()
    for number, (kind, cause, ends) in enumerate(happenings):
        caused = {"cause": cause % number + 1} if number else {}
        begun = happened.begin(kind, "lambda" if kind is Kind.INVOCATION else "sqs", f"n{number}", number, **caused)
        if ends:
            happened.end(begun, number + 0.5)
    told = [activity.id for step in _told(happened) for each in step.walk() for activity in each.activities]
    assert len(told) == len(set(told))
    assert {a.id for a in happened.activities if a.kind in KINDS} <= set(told)


def test_alarm_step_has_its_states_and_actions():
    happened = Happening()
    alarm = happened.note(
        Kind.TIMER, "cloudwatch", "too-deep", data={"what": "alarm", "before": "OK", "after": "ALARM"}
    )
    happened.did(Kind.CALL, "sns", "Publish", 1.0, 1.1, cause=alarm, resource=TOPIC, data={"caller": BY_SERVICE})
    first, *_ = _outline(_told(happened))
    assert first == "alarm too-deep (ok: OK → ALARM)"


STAGE = "arn:aws:execute-api:us-east-1:000000000000:api/v1"


def test_frame_steps_have_messages_and_their_responses():
    happened = Happening()
    happened.did(
        Kind.REQUEST,
        "apigatewayv2",
        "CONNECT",
        resource="api",
        data={"method": "GET", "path": "/"},
        ended={"status": 101},
    )
    said = {"direction": "in", "connection": "c", "body": {"action": "ping"}, "route": "ping"}
    frame = happened.begin(Kind.FRAME, "apigatewayv2", "ping", 1, resource=STAGE, data=said)
    answer = {"direction": "out", "connection": "c", "body": {"type": "pong"}}
    happened.note(Kind.FRAME, "apigatewayv2", "RouteResponse", 1.1, cause=frame, resource=STAGE, data=answer)
    happened.end(frame, 1.2)
    lost = {"direction": "in", "connection": "c", "body": "hello", "route": None}
    frame = happened.begin(Kind.FRAME, "apigatewayv2", "", 2, resource=STAGE, data=lost)
    told = {"direction": "out", "connection": "c", "body": {"message": "Forbidden"}}
    happened.note(Kind.FRAME, "apigatewayv2", "Error", 2.1, cause=frame, resource=STAGE, data=told)
    happened.end(frame, 2.2, data={"error": {"message": "Forbidden"}})
    ended = {"connection": "c", "by": "client", "code": 1001, "reason": "Going away"}
    happened.did(Kind.CONNECTION, "apigatewayv2", "DISCONNECT", 3, resource=STAGE, data=ended)
    assert _outline(_told(happened)) == [
        "connect to api (ok: 101)",
        'frame ping to api (ok: {"action": "ping"})',
        '  frame to c (ok: {"type": "pong"})',
        "frame to api (refused: no route takes it)",
        "connection c closed by client (ok: 1001 Going away)",
    ]


def test_frame_sent_by_a_function_is_one_step_with_its_call():
    happened = Happening()
    request = {"request": {"ConnectionId": "c"}}
    post = happened.begin(Kind.CALL, "apigatewaymanagementapi", "PostToConnection", 0, resource=STAGE, data=request)
    sent = {"direction": "out", "connection": "c", "body": {"type": "AlbumCreated"}}
    happened.note(Kind.FRAME, "apigatewayv2", "PostToConnection", 0.1, cause=post, resource=STAGE, data=sent)
    happened.end(post, 0.2)
    gone = {"error": {"code": "GoneException", "message": ""}}
    happened.did(Kind.CALL, "apigatewaymanagementapi", "PostToConnection", 1, resource=STAGE, data=request, ended=gone)
    happened.did(Kind.CALL, "apigatewaymanagementapi", "DeleteConnection", 2, resource=STAGE, data=request)
    assert _outline(_told(happened)) == [
        'frame to c (ok: {"type": "AlbumCreated"})',
        "frame to c (failed: GoneException)",
        "DeleteConnection c",
    ]
