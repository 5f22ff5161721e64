"""Denied calls explained: the sentence and the line, from records and a template."""

from pathlib import Path
from typing import Any

import pytest

from harness.flow.explain import Evidence
from harness.flow.explain.access import denied_calls
from harness.flow.explanation import Finding
from harness.flow.history import History
from harness.flow.pending import Pending
from harness.journal.records import Kind, Phase, Record
from harness.topology import Template, Topology, read_topology

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Store:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - DynamoDBReadPolicy: {TableName: !Ref Orders}
        - Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Jobs.Arn}
            - Sid: NoTopics
              Effect: Deny
              Action: sns:Publish
              Resource: "*"
  Bare:
    Type: AWS::Serverless::Function
    Properties: {Handler: index.handler}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties: {RoleArn: !GetAtt MachineRole.Arn}
  MachineRole:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: rights
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Jobs.Arn}
  Orders: {Type: AWS::Serverless::SimpleTable}
  Jobs: {Type: AWS::SQS::Queue}
  JobsPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Jobs]
      PolicyDocument:
        Statement:
          - {Sid: Rules, Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: "sqs:SendMessage"}
  Parked: {Type: AWS::SQS::Queue}
"""
HERE = "us-east-1:000000000000"
ORDERS, JOBS, PARKED = (
    f"arn:aws:dynamodb:{HERE}:table/orders-1",
    f"arn:aws:sqs:{HERE}:jobs-1",
    f"arn:aws:sqs:{HERE}:p-1",
)
PHYSICAL = {
    "Store": "store-1",
    "StoreRole": "store-role-1",
    "Bare": "bare-1",
    "BareRole": "bare-role-1",
    "Orders": "orders-1",
    "JobsPolicy": "jobs-policy-1",
    "Jobs": "http://localhost:4566/000000000000/jobs-1",
    "Machine": f"arn:aws:states:{HERE}:stateMachine:machine-1",
    "MachineRole": "machine-role-1",
    "Parked": "http://localhost:4566/000000000000/p-1",
}


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    file = tmp_path / "template.yaml"
    file.write_text(TEMPLATE)
    return read_topology([Template(file, "shop")], physical_ids={"shop": PHYSICAL})


def line(text: str) -> int:
    [found] = [number for number, each in enumerate(TEMPLATE.splitlines(), 1) if text in each]
    return found


INVOKED = f"arn:aws:lambda:{HERE}:function:store-1"
EXECUTED = f"arn:aws:states:{HERE}:stateMachine:machine-1"


def denial(action: str, resource: str, role: str | None = "store-role-1", **data: Any) -> dict[str, Any]:
    given = {"passed": False, "allowed": False, "enforced": True, "principal": "sns.amazonaws.com", **data}
    if role:
        given["role"] = f"arn:aws:iam::000000000000:role/{role}"
    return {"name": action, "resource": resource, "data": {"missing": "identity", **given}}


def happened(
    *denials: dict[str, Any], user: Kind = Kind.INVOCATION, access: tuple[dict[str, Any], ...] = ()
) -> History:
    """A function or an execution, one call of it, and what IAM said of that."""
    about = {"at": 1.0, "service": "x", "resource": INVOKED if user is Kind.INVOCATION else ""}
    made = History()
    data = {"state_machine": EXECUTED}
    made.add(Record(1, user, Phase.BEGIN, 1, None, name="user", **about, data=data))
    made.add(Record(2, Kind.CALL, Phase.BEGIN, 2, 1, 1.0, "x", "Call"))
    for number, each in enumerate(denials, 3):
        made.add(Record(number, Kind.DECISION, Phase.NOTE, number, 2, 1.0, "iam", **each))
    made.add(Record(90, Kind.CALL, Phase.BEGIN, 90, 1, 1.0, "x", "Call"))
    made.add(Record(91, Kind.CALL, Phase.END, 90, None, 1.0, "x", "Call", data={"access": list(access)}))
    return made


def found(topology: Topology, history: History, *pending: Pending) -> list[Finding]:
    return list(denied_calls(Evidence(tuple(history), history, topology, pending)))


PUT = "dynamodb:PutItem"
SEND = "sqs:SendMessage"
LATER = {"key": "aws:currenttime", "operator": "dategreaterthan", "expected": ["2999"], "found": ["2026"]}
FROM = {"key": "aws:sourcearn", "operator": "arnnotequals", "expected": ["a", "b"], "found": None}
OWN = {"policy": "StoreRolePolicy1", "statement": "Statement[0]"}
STORE = "the role StoreRole of function Store"


@pytest.mark.parametrize(
    ("denied", "sentence", "where", "resource"),
    [
        (
            denial(PUT, ORDERS),
            f"{STORE} may not {PUT} on table Orders: no statement of its policies allows it",
            "      Policies:",
            "shop.StoreRole",
        ),
        (
            denial(PUT, ORDERS.replace("orders-1", "others"), near=[{**OWN, "resources": [ORDERS]}]),
            f"{STORE} may not {PUT} on arn:aws:dynamodb:{HERE}:table/others: no statement of its policies allows it; "
            f"Statement[0] of StoreRolePolicy1 is about {ORDERS}",
            "            - {Effect: Allow, Action",
            "shop.StoreRole",
        ),
        (
            denial(SEND, JOBS, near=[{**OWN, "conditions": [LATER]}]),
            f"{STORE} may not {SEND} on queue Jobs: no statement of its policies allows it; Statement[0] of "
            "StoreRolePolicy1 wants aws:currenttime to be 2999, and it is 2026",
            "            - {Effect: Allow, Action",
            "shop.StoreRole",
        ),
        (
            denial(SEND, JOBS, near=[{**OWN, "conditions": [FROM]}]),
            f"{STORE} may not {SEND} on queue Jobs: no statement of its policies allows it; Statement[0] of "
            "StoreRolePolicy1 wants aws:sourcearn not to be a or b, and the request has none",
            "            - {Effect: Allow, Action",
            "shop.StoreRole",
        ),
        (
            denial("sns:Publish", "*", by={"kind": "identity", "policy": "StoreRolePolicy1", "statement": "NoTopics"}),
            f"{STORE} may not sns:Publish on *: NoTopics of StoreRolePolicy1 denies it",
            "Sid: NoTopics",
            "shop.StoreRole",
        ),
        (
            denial(PUT, ORDERS, "bare-role-1"),
            f"the role BareRole of function Store may not {PUT} on table Orders: no statement of its policies allows it",
            "  Bare:",
            "shop.BareRole",
        ),
        (
            denial(PUT, ORDERS, missing="boundary"),
            f"{STORE} may not {PUT} on table Orders: its permissions boundary does not allow it",
            "      Policies:",
            "shop.StoreRole",
        ),
        (
            denial(SEND, JOBS, None, missing="resource", near=[{"policy": "policy of", "statement": "Rules",
                                                             "principals": ["events.amazonaws.com"]}]),
            f"sns.amazonaws.com may not {SEND} on queue Jobs: no statement of its resource policy allows it; Rules of "
            "policy of is for events.amazonaws.com",
            "Sid: Rules",
            "shop.Jobs",
        ),
        (
            denial(SEND, PARKED, None, missing="resource"),
            f"sns.amazonaws.com may not {SEND} on queue Parked: no statement of its resource policy allows it",
            "  Parked:",
            "shop.Parked",
        ),
    ],
)  # fmt: skip
def test_denial_finding_names_who_what_why_and_where(topology, denied, sentence, where, resource):
    [finding] = found(topology, happened(denied))
    assert finding.sentence == f"{sentence}."
    lines = [n for n, each in enumerate(TEMPLATE.splitlines(), 1) if each.startswith(where) or where in each]
    assert finding.place is not None
    assert finding.place.line == lines[0]
    assert (finding.resource, finding.lost) == (resource, True)
    assert finding.cause == ("access-denied-explicitly" if "denies it" in sentence else "access-denied")
    assert [activity.id for activity in finding.activities] == [3, 2]


def test_state_machine_denial_names_role_and_inline_policy(topology):
    near = [{"policy": "rights", "statement": "Statement[0]", "resources": [JOBS]}]
    [finding] = found(topology, happened(denial(SEND, PARKED, "machine-role-1", near=near), user=Kind.TRANSITION))
    assert finding.sentence.startswith(f"the role MachineRole of state machine Machine may not {SEND} on queue Parked:")
    assert finding.place is not None
    assert finding.place.line == line("              - {Effect: Allow")


def test_retried_denial_is_one_finding(topology):
    [finding] = found(topology, happened(denial(PUT, ORDERS), denial(PUT, ORDERS)))
    assert [activity.id for activity in finding.activities] == [3, 4, 2, 2]


def test_denial_of_a_pending_activity_is_not_lost(topology):
    history = happened(denial(PUT, ORDERS))
    [finding] = found(topology, history, Pending(history.activities[1], "goes on"))
    assert not finding.lost


@pytest.mark.parametrize(
    ("denied", "access"),
    [
        (denial(PUT, ORDERS, passed=True, enforced=False), ()),
        (denial(PUT, ORDERS), ({"action": PUT, "resource": ORDERS, "allowed": True},)),
    ],
    ids=["only reported", "allowed when it was tried again"],
)
def test_a_denial_that_kept_nothing_back_is_no_finding(topology, denied, access):
    assert found(topology, happened(denied, access=access)) == []


def test_role_outside_the_templates_has_no_line(topology):
    [finding] = found(topology, happened(denial(PUT, ORDERS, "nobodys")))
    assert finding.place is None
    assert finding.resource.endswith(":role/nobodys")
