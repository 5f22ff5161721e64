"""The trace of a flow: which steps it renders, in which order, and the changes of the event from activity to activity."""

import json
from pathlib import Path

import pytest

from harness.flow.pending import Pending
from harness.journal.records import Kind, Phase
from harness.report import Trace, TracedFlow, trace_activities, trace_flow
from harness.topology import Topology
from tests.unit.report.flows import (
    ACCOUNT,
    EVENT,
    MACHINE,
    REGION,
    FakeFlow,
    Journal,
    finding,
    refused,
    retried,
    topology,
)


@pytest.fixture
def shop(tmp_path: Path) -> Topology:
    return topology(tmp_path)


def told(flow: TracedFlow) -> list[str]:
    return ["  " * activity.depth + activity.label for activity in flow.tree(hidden=False)]


def test_tree_has_attempts_side_by_side(shop):
    flow = trace_activities(retried().activities(), shop)
    assert told(flow) == [
        "events PutEvents shop.Bus: Placed",
        "  rule shop.PlacedRule",
        "    function shop.MailFunction",
        "      attempt 1",
        "        dynamodb PutItem shop.Orders",
        "      attempt 2",
        "        dynamodb PutItem shop.Orders",
        "        mail to ada@shop.example",
    ]
    assert [activity.subtitle for activity in flow.tree(hidden=False)][2:7:2] == [
        "Lambda · 2 attempts", "DynamoDB", "DynamoDB"
    ]  # fmt: skip
    assert [activity.subtitle for activity in flow.tree(hidden=False)][3:6:2] == [
        "Lambda · shop.MailFunction · cold start", "Lambda · shop.MailFunction · cold start"
    ]  # fmt: skip
    assert [activity.label for activity in flow.activities if activity.hidden] == [
        "function shop.MailFunction",
        "retry, 1 s",
    ]
    assert flow.title == "events PutEvents shop.Bus: Placed"


def test_failure_followed_by_successful_retry_is_outcome_ok(shop):
    assert trace_activities(retried().activities(), shop).outcome == "ok"
    given_up = [activity for activity in retried().activities() if activity.id < 8]
    assert trace_activities(given_up, shop).outcome == "failed"


def test_loss_has_its_place_and_an_excerpt_of_the_template(shop, tmp_path):
    journal = refused()
    flow = trace_flow(FakeFlow(journal, shop, [finding(journal, tmp_path)]))
    assert flow.outcome == "lost"
    [cause] = flow.findings
    assert cause.place == f"{tmp_path}/template.yaml:9"
    assert cause.excerpt.first == 5
    assert cause.excerpt.lines[cause.excerpt.line - cause.excerpt.first] == "        source: [shop.orders]"
    assert flow.broken_at.label == "rule shop.PlacedRule"
    assert flow.broken_at.node == "shop.PlacedRule"


def test_finding_without_its_template_has_no_excerpt(shop, tmp_path):
    journal = refused()
    found = finding(journal, tmp_path)
    (tmp_path / "template.yaml").unlink()
    [cause] = trace_activities(journal.activities(), shop, explanation=[found]).findings
    assert cause.excerpt is None


def test_paths_are_between_resources_of_the_templates(shop):
    ways = trace_activities(retried().activities(), shop).ways
    assert [(way.source, way.target, way.state) for way in ways] == [
        ("shop.Bus", "shop.PlacedRule", "ok"),
        ("shop.PlacedRule", "shop.MailFunction", "ok"),
        ("shop.MailFunction", "shop.Orders", "ok"),
    ]
    [way] = trace_activities(refused().activities(), shop).ways
    assert (way.source, way.target, way.state) == ("shop.Bus", "shop.PlacedRule", "refused")


def test_labels_are_physical_names_without_templates():
    flow = trace_activities(retried().activities())
    assert "function shop-MailFunction" in [activity.label for activity in flow.activities]
    assert flow.ways == ()
    assert {activity.node for activity in flow.activities} == {None}


def test_pending_activity_has_outcome_pending(shop):
    journal = Journal()
    journal.deliver(journal.decide(journal.put()))
    call = journal.activities()[-1]
    [activity] = [
        activity
        for activity in trace_activities(
            journal.activities(), shop, pending=[Pending(call, "nobody took it up")]
        ).activities
        if activity.id == call.id
    ]
    assert activity.outcome == "pending"


def test_unfinished_activity_makes_the_flow_pending(shop):
    journal = Journal()
    journal.begin(Kind.INVOCATION, "lambda", "shop-MailFunction", None, event=EVENT)
    flow = trace_activities(journal.activities(), shop)
    assert (flow.outcome, flow.activities[0].outcome, flow.activities[0].after) == ("pending", "pending", None)


def test_an_event_is_followed_through_its_envelopes(shop):
    journal = Journal()
    delivered = journal.deliver(journal.decide(journal.put()))
    wrapped = {
        "Records": [{"body": json.dumps({**EVENT, "detail": {**EVENT["detail"], "order": 8}}), "messageId": "m"}]
    }
    journal.begin(Kind.INVOCATION, "lambda", "shop-MailFunction", delivered, event=wrapped)
    flow = trace_activities(journal.activities(), shop)
    last = flow.activities[-1]
    assert last.before["Records"][0]["body"]["detail"]["order"] == 8
    assert flow.activity(last.difference.since).label == "function shop.MailFunction"
    assert last.difference.part == "Records[0].body"
    [change] = last.difference.changes
    assert (change.path, change.kind, change.before, change.after) == ("detail.order", "changed", 7, 8)


def test_event_changed_by_a_function_shows_the_difference(shop):
    journal = Journal()
    given = {"triggerSource": "PreSignUp_SignUp", "userName": "ada", "response": {"autoConfirmUser": False}}
    number = journal.begin(Kind.INVOCATION, "lambda", "shop-MailFunction", None, event=given)
    journal.end(number, result={**given, "response": {"autoConfirmUser": True}})
    [activity] = trace_activities(journal.activities(), shop).activities
    assert [(change.path, change.after) for change in activity.difference.changes] == [
        ("response.autoConfirmUser", True)
    ]
    assert activity.difference.since == activity.id


def test_payloads_that_have_nothing_in_common_are_not_compared(shop):
    journal = Journal()
    number = journal.deliver(journal.decide(journal.put()))
    journal.call("dynamodb", "PutItem", number, request={"TableName": "shop-Orders", "Item": {"id": {"S": "1"}}})
    assert trace_activities(journal.activities(), shop).activities[-1].difference is None


def test_execution_states_have_their_input_and_output(shop):
    journal = Journal()
    run = journal.begin(
        Kind.TRANSITION, "stepfunctions", "Machine", None, state_machine=MACHINE, execution="x", input={"n": 1}
    )

    def event(number: int, previous: int, kind: str, state: str = "", **details) -> None:
        said = {"id": number, "previous": previous, "type": kind, "details": details}
        journal.note(Kind.TRANSITION, "stepfunctions", kind, run, resource=state, event=said)

    event(1, 0, "ExecutionStarted")
    event(2, 1, "PassStateEntered", "Ask", input={"n": 1})
    event(3, 2, "PassStateExited", "Ask", output={"n": 2})
    event(4, 3, "TaskStateEntered", "Tell", input={"n": 2})
    event(5, 4, "TaskScheduled")
    event(6, 5, "TaskFailed", error="States.Timeout", cause="too slow")
    journal.end(run, status="FAILED", error="States.Timeout", cause="too slow")
    flow = trace_activities(journal.activities(), shop)
    [execution] = flow.executions
    assert (execution.node, execution.status) == ("shop.Machine", "FAILED")
    ask, tell_ = execution.states
    assert (ask.state, ask.type, ask.outcome, ask.before, ask.after) == ("Ask", "Pass", "ok", {"n": 1}, {"n": 2})
    assert (tell_.state, tell_.outcome, tell_.error.code, tell_.error.message) == (
        "Tell",
        "failed",
        "States.Timeout",
        "too slow",
    )
    assert tell_.events == ("TaskStateEntered", "TaskScheduled", "TaskFailed")
    assert [activity.label for activity in flow.tree(hidden=False)] == [
        "execution of shop.Machine", "state Ask", "state Tell", "TaskFailed"
    ]  # fmt: skip


def test_trace_survives_a_json_round_trip(shop, tmp_path):
    journal = refused()
    data = Trace(
        (trace_activities(journal.activities(), shop, explanation=[finding(journal, tmp_path)]),), command="pytest x"
    ).to_json()
    assert json.loads(json.dumps(data)) == data
    assert data["version"] == 2
    assert data["flows"][0]["findings"][0]["activities"] == [2]


def test_empty_flow_has_title_nothing_was_seen(shop):
    flow = trace_activities([], shop)
    assert (flow.title, flow.activities, flow.seconds) == ("nothing was seen", (), 0.0)


def test_denied_call_has_the_deciding_statement(shop):
    journal = Journal()
    by = {"kind": "identity", "policy": "MailRole", "statement": "Statement[0]"}
    access = [{"action": "dynamodb:PutItem", "resource": "shop-Orders", "allowed": False, "by": by}]
    call = journal.begin(Kind.CALL, "dynamodb", "PutItem", resource="shop-Orders", request={"TableName": "shop-Orders"})
    denial = {
        "passed": False,
        "reason": "ExplicitDeny",
        "by": by,
        "principal": "arn:aws:sts::111111111111:assumed-role/r/f",
    }
    journal.note(Kind.DECISION, "iam", "dynamodb:PutItem", call, resource="shop-Orders", **denial)
    journal.end(call, error={"code": "AccessDeniedException", "message": "no", "fault": "7"}, access=access)
    put, denied = trace_activities(journal.activities(), shop).activities
    assert put.facts["access"] == "dynamodb:PutItem denied by MailRole, Statement[0]"
    assert put.facts["fault"] == "7, which the test put in force"
    assert (denied.label, denied.outcome, denied.subtitle) == (
        "IAM denies dynamodb:PutItem",
        "refused",
        "IAM · ExplicitDeny",
    )
    assert denied.facts["by"] == by
    assert (denied.node, put.outcome) == ("shop.Orders", "failed")


def test_a_request_is_called_as_its_client_knows_it(shop):
    journal = Journal()
    asked = journal.begin(Kind.REQUEST, "apigateway", "GET", method="GET", path="/_aws/execute-api/a1/v1/orders/7")
    journal.end(asked, status=200)
    assert trace_activities(journal.activities(), shop).title == "GET /orders/7"


def test_stopped_engine_leaves_trace_of_recorded_activities(shop):
    class Gone(FakeFlow):
        def pending(self):
            raise ConnectionError("nobody answers")

    flow = trace_flow(Gone(retried(), shop))
    assert len(flow.activities) == 10
    assert flow.unasked == "ConnectionError('nobody answers')"


def test_failed_task_has_the_error_of_its_function(shop):
    journal = Journal()
    run = journal.begin(
        Kind.TRANSITION, "stepfunctions", "Machine", None, state_machine=MACHINE, execution="x", input={}
    )
    told = json.dumps({"errorMessage": "no such order", "errorType": "KeyError", "stackTrace": ["line 2"]})
    status_change = {"source": "aws.outcomes", "detail-type": "Step Functions Execution Status Change"}
    journal.note(Kind.DECISION, "events", "default", run, passed=False, reason="NoRules", event=status_change)
    journal.end(run, status="FAILED", error="KeyError", cause=told)
    flow = trace_activities(journal.activities(), shop)
    error = flow.activities[0].error
    assert (error.code, error.message, error.lines) == ("KeyError", "no such order", ("line 2",))
    assert [activity.hidden for activity in flow.activities] == [False, True]
    cut = journal.begin(
        Kind.TRANSITION, "stepfunctions", "Machine", None, state_machine=MACHINE, execution="y", input={}
    )
    journal.end(cut, status="FAILED", error="KeyError", cause=told[:30])
    assert trace_activities(journal.activities(), shop).activities[-1].error.message == told[:30]


def test_frames_have_messages_and_edges_to_their_clients(shop):
    stage = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api/v1"
    journal = Journal()
    said = {"direction": "in", "connection": "c-1", "route": "ping", "body": {"action": "ping"}}
    frame = journal.begin(Kind.FRAME, "apigatewayv2", "ping", resource=stage, **said)
    answer = {"direction": "out", "connection": "c-1", "body": {"type": "pong"}}
    journal.begin(Kind.FRAME, "apigatewayv2", "RouteResponse", frame, phase=Phase.NOTE, resource=stage, **answer)
    journal.end(frame, response={"status": 200})
    closed = {"connection": "c-1", "by": "client", "code": 1000}
    journal.end(journal.begin(Kind.CONNECTION, "apigatewayv2", "DISCONNECT", resource=stage, **closed))
    flow = trace_activities(journal.activities(), shop)
    assert told(flow) == ["frame ping to api", "  frame to c-1", "connection c-1 closed by client"]
    assert [activity.subtitle for activity in flow.activities] == [
        'API Gateway · c-1 · {"action": "ping"}',
        'API Gateway · api · {"type": "pong"}',
        "API Gateway · api · 1000",
    ]
    assert [(activity.before, activity.after) for activity in flow.activities][:2] == [
        ({"action": "ping"}, {"status": 200}), ({"type": "pong"}, None)
    ]  # fmt: skip
