"""The story of a flow: what of it is told, in which order, and what has become of the event from hop to hop."""

import json
from pathlib import Path

import pytest

from harness.flow.pending import Pending
from harness.journal.records import Kind, Phase
from harness.report import Story, Trace, story_of, tell
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


def told(story: Story) -> list[str]:
    return ["  " * hop.depth + hop.title for hop in story.tree(hidden=False)]


def test_a_flow_is_told_as_a_tree_without_plumbing_and_with_its_attempts_beside_one_another(shop):
    story = tell(retried().activities(), shop)
    assert told(story) == [
        "events PutEvents shop.Bus: Placed",
        "  rule shop.PlacedRule",
        "    function shop.MailFunction",
        "      attempt 1",
        "        dynamodb PutItem shop.Orders",
        "      attempt 2",
        "        dynamodb PutItem shop.Orders",
        "        mail to ada@shop.example",
    ]
    assert [hop.subtitle for hop in story.tree(hidden=False)][2:7:2] == [
        "Lambda · 2 attempts", "DynamoDB", "DynamoDB"
    ]  # fmt: skip
    assert [hop.subtitle for hop in story.tree(hidden=False)][3:6:2] == [
        "Lambda · shop.MailFunction · cold start", "Lambda · shop.MailFunction · cold start"
    ]  # fmt: skip
    assert [hop.title for hop in story.hops if hop.hidden] == ["function shop.MailFunction", "retry, 1 s"]
    assert story.title == "events PutEvents shop.Bus: Placed"


def test_what_failed_and_was_tried_again_with_success_is_no_failure_of_the_flow(shop):
    assert tell(retried().activities(), shop).outcome == "ok"
    given_up = [activity for activity in retried().activities() if activity.id < 8]
    assert tell(given_up, shop).outcome == "failed"


def test_a_loss_is_told_with_its_place_and_the_lines_around_it(shop, tmp_path):
    journal = refused()
    story = story_of(FakeFlow(journal, shop, [finding(journal, tmp_path)]))
    assert story.outcome == "lost"
    [cause] = story.findings
    assert cause.place == f"{tmp_path}/template.yaml:9"
    assert cause.excerpt.first == 5
    assert cause.excerpt.lines[cause.excerpt.line - cause.excerpt.first] == "        source: [shop.orders]"
    assert story.broken_at.title == "rule shop.PlacedRule"
    assert story.broken_at.node == "shop.PlacedRule"


def test_a_finding_in_a_template_that_is_gone_is_told_without_its_lines(shop, tmp_path):
    journal = refused()
    found = finding(journal, tmp_path)
    (tmp_path / "template.yaml").unlink()
    [cause] = tell(journal.activities(), shop, explanation=[found]).findings
    assert cause.excerpt is None


def test_the_ways_are_those_between_the_resources_of_the_templates(shop):
    ways = tell(retried().activities(), shop).ways
    assert [(way.source, way.target, way.state) for way in ways] == [
        ("shop.Bus", "shop.PlacedRule", "ok"),
        ("shop.PlacedRule", "shop.MailFunction", "ok"),
        ("shop.MailFunction", "shop.Orders", "ok"),
    ]
    [way] = tell(refused().activities(), shop).ways
    assert (way.source, way.target, way.state) == ("shop.Bus", "shop.PlacedRule", "refused")


def test_without_templates_everything_is_told_by_its_name():
    story = tell(retried().activities())
    assert "function shop-MailFunction" in [hop.title for hop in story.hops]
    assert story.ways == ()
    assert {hop.node for hop in story.hops} == {None}


def test_what_is_pending_is_told_where_it_is(shop):
    journal = Journal()
    journal.deliver(journal.decide(journal.put()))
    call = journal.activities()[-1]
    [hop] = [
        hop
        for hop in tell(journal.activities(), shop, pending=[Pending(call, "nobody took it up")]).hops
        if hop.id == call.id
    ]
    assert hop.outcome == "pending"


def test_what_goes_on_has_no_end_and_the_flow_goes_on(shop):
    journal = Journal()
    journal.begin(Kind.INVOCATION, "lambda", "shop-MailFunction", None, event=EVENT)
    story = tell(journal.activities(), shop)
    assert (story.outcome, story.hops[0].outcome, story.hops[0].after) == ("pending", "pending", None)


def test_an_event_is_followed_through_its_envelopes(shop):
    journal = Journal()
    delivered = journal.deliver(journal.decide(journal.put()))
    wrapped = {
        "Records": [{"body": json.dumps({**EVENT, "detail": {**EVENT["detail"], "order": 8}}), "messageId": "m"}]
    }
    journal.begin(Kind.INVOCATION, "lambda", "shop-MailFunction", delivered, event=wrapped)
    story = tell(journal.activities(), shop)
    last = story.hops[-1]
    assert last.before["Records"][0]["body"]["detail"]["order"] == 8
    assert story.hop(last.difference.since).title == "function shop.MailFunction"
    assert last.difference.part == "Records[0].body"
    [change] = last.difference.changes
    assert (change.path, change.kind, change.before, change.after) == ("detail.order", "changed", 7, 8)


def test_what_a_function_changes_of_the_event_that_it_gives_back_is_told(shop):
    journal = Journal()
    given = {"triggerSource": "PreSignUp_SignUp", "userName": "ada", "response": {"autoConfirmUser": False}}
    number = journal.begin(Kind.INVOCATION, "lambda", "shop-MailFunction", None, event=given)
    journal.end(number, result={**given, "response": {"autoConfirmUser": True}})
    [hop] = tell(journal.activities(), shop).hops
    assert [(change.path, change.after) for change in hop.difference.changes] == [("response.autoConfirmUser", True)]
    assert hop.difference.since == hop.id


def test_payloads_that_have_nothing_in_common_are_not_compared(shop):
    journal = Journal()
    number = journal.deliver(journal.decide(journal.put()))
    journal.call("dynamodb", "PutItem", number, request={"TableName": "shop-Orders", "Item": {"id": {"S": "1"}}})
    assert tell(journal.activities(), shop).hops[-1].difference is None


def test_the_states_of_an_execution_are_told_with_what_went_in_and_out(shop):
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
    story = tell(journal.activities(), shop)
    [execution] = story.executions
    assert (execution.node, execution.status) == ("shop.Machine", "FAILED")
    ask, tell_ = execution.steps
    assert (ask.state, ask.type, ask.outcome, ask.before, ask.after) == ("Ask", "Pass", "ok", {"n": 1}, {"n": 2})
    assert (tell_.state, tell_.outcome, tell_.error.code, tell_.error.message) == (
        "Tell",
        "failed",
        "States.Timeout",
        "too slow",
    )
    assert tell_.events == ("TaskStateEntered", "TaskScheduled", "TaskFailed")
    assert [hop.title for hop in story.tree(hidden=False)] == [
        "execution of shop.Machine", "state Ask", "state Tell", "TaskFailed"
    ]  # fmt: skip


def test_a_story_is_json(shop, tmp_path):
    journal = refused()
    data = Trace(
        (tell(journal.activities(), shop, explanation=[finding(journal, tmp_path)]),), command="pytest x"
    ).to_json()
    assert json.loads(json.dumps(data)) == data
    assert data["version"] == 2
    assert data["stories"][0]["findings"][0]["hops"] == [2]


def test_a_flow_of_which_nothing_was_seen_is_told_as_that(shop):
    story = tell([], shop)
    assert (story.title, story.hops, story.seconds) == ("nothing was seen", (), 0.0)


def test_what_iam_denied_is_told_with_the_statement_that_decided(shop):
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
    put, denied = tell(journal.activities(), shop).hops
    assert put.facts["access"] == "dynamodb:PutItem denied by MailRole, Statement[0]"
    assert put.facts["fault"] == "7, which the test put in force"
    assert (denied.title, denied.outcome, denied.subtitle) == (
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
    assert tell(journal.activities(), shop).title == "GET /orders/7"


def test_of_an_engine_that_is_gone_what_it_wrote_down_is_told(shop):
    class Gone(FakeFlow):
        def pending(self):
            raise ConnectionError("nobody answers")

    story = story_of(Gone(retried(), shop))
    assert len(story.hops) == 10
    assert story.unasked == "ConnectionError('nobody answers')"


def test_of_a_function_that_failed_a_task_its_own_error_is_told(shop):
    journal = Journal()
    run = journal.begin(
        Kind.TRANSITION, "stepfunctions", "Machine", None, state_machine=MACHINE, execution="x", input={}
    )
    told = json.dumps({"errorMessage": "no such order", "errorType": "KeyError", "stackTrace": ["line 2"]})
    status_change = {"source": "aws.outcomes", "detail-type": "Step Functions Execution Status Change"}
    journal.note(Kind.DECISION, "events", "default", run, passed=False, reason="NoRules", event=status_change)
    journal.end(run, status="FAILED", error="KeyError", cause=told)
    story = tell(journal.activities(), shop)
    error = story.hops[0].error
    assert (error.code, error.message, error.lines) == ("KeyError", "no such order", ("line 2",))
    assert [hop.hidden for hop in story.hops] == [False, True]
    cut = journal.begin(
        Kind.TRANSITION, "stepfunctions", "Machine", None, state_machine=MACHINE, execution="y", input={}
    )
    journal.end(cut, status="FAILED", error="KeyError", cause=told[:30])
    assert tell(journal.activities(), shop).hops[-1].error.message == told[:30]


def test_frames_are_told_and_leave_for_their_clients(shop):
    stage = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api/v1"
    journal = Journal()
    said = {"direction": "in", "connection": "c-1", "route": "ping", "body": {"action": "ping"}}
    frame = journal.begin(Kind.FRAME, "apigatewayv2", "ping", resource=stage, **said)
    answer = {"direction": "out", "connection": "c-1", "body": {"type": "pong"}}
    journal.begin(Kind.FRAME, "apigatewayv2", "RouteResponse", frame, phase=Phase.NOTE, resource=stage, **answer)
    journal.end(frame, response={"status": 200})
    closed = {"connection": "c-1", "by": "client", "code": 1000}
    journal.end(journal.begin(Kind.CONNECTION, "apigatewayv2", "DISCONNECT", resource=stage, **closed))
    story = tell(journal.activities(), shop)
    assert told(story) == ["frame ping to api", "  frame to c-1", "connection c-1 closed by client"]
    assert [hop.subtitle for hop in story.hops] == [
        'API Gateway · c-1 · {"action": "ping"}',
        'API Gateway · api · {"type": "pong"}',
        "API Gateway · api · 1000",
    ]
    assert [(hop.before, hop.after) for hop in story.hops][:2] == [
        ({"action": "ping"}, {"status": 200}), ({"type": "pong"}, None)
    ]  # fmt: skip
