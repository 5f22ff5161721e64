"""The journal says of each call what IAM decided and which statement did it, and of a denial why.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from harness.journal.records import Kind
from tests.contract.access.conftest import allow, deny, refused

ELSEWHERE = "arn:aws:sqs:us-east-1:000000000000:elsewhere"
LATER = {"DateGreaterThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}}


def _denials(f):
    return [note for note in f.find(Kind.DECISION, service="iam") if not note.data["allowed"]]


def test_call_record_names_the_statement_that_allowed_it(flow, role, queue):
    target = queue()
    sends = role(allow("sqs:SendMessage", ELSEWHERE), allow("sqs:*", target.arn, Sid="Sends")).client("sqs")
    with flow() as f:
        sends.send_message(QueueUrl=target.url, MessageBody="x")
    [call] = f.settle().find(Kind.CALL, name="SendMessage")
    assert call.data["access"] == [
        {
            "action": "sqs:SendMessage",
            "resource": target.arn,
            "allowed": True,
            "by": {"kind": "identity", "policy": "rights", "statement": "Sends"},
        }
    ]
    assert _denials(f) == []


def test_denial_record_names_caller_action_and_near_misses(flow, role, queue):
    target = queue()
    told = role(
        allow("sqs:SendMessage", ELSEWHERE),
        allow("sqs:SendMessage", target.arn, Sid="OneDay", Condition=LATER),
        allow("sqs:ReceiveMessage", target.arn),
    )
    client = told.client("sqs")
    with flow() as f:
        refused(client.send_message, QueueUrl=target.url, MessageBody="x")
    [call] = f.settle().find(Kind.CALL, name="SendMessage")
    assert call.data["access"] == [{"action": "sqs:SendMessage", "resource": target.arn, "allowed": False}]
    [denied] = _denials(f)
    assert denied.begin.cause == call.id
    assert (denied.begin.name, denied.begin.resource) == ("sqs:SendMessage", target.arn)
    data = denied.data
    assert (data["passed"], data["enforced"], data["reason"], data["missing"]) == (
        False,
        True,
        "ImplicitDeny",
        "identity",
    )
    assert (data["principal"], data["role"]) == (told.session_arn, told.arn)
    assert data["operation"] == "sqs.SendMessage"
    elsewhere, one_day = data["near"]
    assert elsewhere == {"policy": "rights", "statement": "Statement[0]", "resources": [ELSEWHERE]}
    [condition] = one_day["conditions"]
    assert (one_day["statement"], condition["key"], condition["expected"]) == (
        "OneDay",
        "aws:currenttime",
        ["2999-01-01T00:00:00Z"],
    )


def test_a_denial_by_a_statement_names_it(flow, role, queue):
    target = queue()
    client = role(allow("sqs:*"), deny("sqs:SendMessage", Sid="Never")).client("sqs")
    with flow() as f:
        refused(client.send_message, QueueUrl=target.url, MessageBody="x")
    [denied] = _denials(f.settle())
    assert denied.data["reason"] == "ExplicitDeny"
    assert denied.data["by"] == {"kind": "identity", "policy": "rights", "statement": "Never"}
    assert "near" not in denied.data


def test_denial_by_resource_policy_names_its_allowed_principals(flow, aws, queue):
    """https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html"""
    target = queue()
    target.let_in({"Service": "events.amazonaws.com"}, Sid="Rules")
    topic = aws("sns").create_topic(Name=target.arn.rpartition(":")[2])["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=target.arn)
    try:
        with flow() as f:
            aws("sns").publish(TopicArn=topic, Message="x")
        [denied] = _denials(f.settle())
        assert (denied.data["principal"], denied.data["missing"]) == ("sns.amazonaws.com", "resource")
        assert denied.data["near"] == [
            {"policy": f"policy of {target.arn}", "statement": "Rules", "principals": ["events.amazonaws.com"]}
        ]
        assert f.find(Kind.DELIVERY, service="sns")
    finally:
        aws("sns").delete_topic(TopicArn=topic)
