"""The decision, by AWS's documented logic.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
from typing import Any

import pytest

from harness.emulator.access.evaluation import CallerPolicies, Decision, PolicyKind, ResourcePolicies, decide
from harness.emulator.access.policy import Caller, Policy, PolicyError, parse

ACCOUNT, OTHER = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/one"
USER = f"arn:aws:iam::{ACCOUNT}:user/ann"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"
IN_OTHER = f"arn:aws:sqs:eu-west-1:{OTHER}:jobs"
SEND = "sqs:SendMessage"

AS_ROLE = Caller(ACCOUNT, (SESSION, ROLE))
AS_USER = Caller(ACCOUNT, (USER,))
AS_SNS = Caller(None, service="sns.amazonaws.com")


def statement(effect: str = "Allow", action: Any = SEND, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements: dict[str, Any], name: str = "p") -> Policy:
    return parse(name, json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


ALLOW, DENY = policy(statement(), name="allow"), policy(statement("Deny"), name="deny")
NOTHING = policy(statement(action="s3:GetObject"), name="nothing")


def lets_in(principal: Any, effect: str = "Allow", **more: Any) -> Policy:
    return policy(statement(effect, Principal=principal, **more), name="queue policy")


def asked(
    caller: Caller = AS_ROLE,
    identity: CallerPolicies | None = None,
    resource: str = QUEUE,
    *policies: Policy,
    action: str = SEND,
    requires_policy: bool = False,
    **facts: str,
) -> Decision:
    about = ResourcePolicies(resource, resource.split(":")[4] or None, policies, requires_policy)
    known = {k.lower().replace("__", ":"): (v,) for k, v in facts.items()}
    return decide(SESSION, caller, identity or CallerPolicies(), action, about, known)


ADMINISTRATOR = CallerPolicies(administrator=True)


@pytest.mark.parametrize(
    ("caller", "identity", "resource", "policies", "allowed", "decider"),
    [
        # Within one account: either side is enough.
        (AS_ROLE, CallerPolicies([ALLOW]), QUEUE, [], True, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies([NOTHING]), QUEUE, [], False, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies(), QUEUE, [lets_in({"AWS": ROLE})], True, PolicyKind.RESOURCE),
        (AS_ROLE, CallerPolicies(), QUEUE, [lets_in({"AWS": SESSION})], True, PolicyKind.RESOURCE),
        (AS_USER, CallerPolicies(), QUEUE, [lets_in({"AWS": USER})], True, PolicyKind.RESOURCE),
        (AS_ROLE, CallerPolicies(), QUEUE, [lets_in({"AWS": USER})], False, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies(), QUEUE, [lets_in("*")], True, PolicyKind.RESOURCE),
        # To name the account is to leave it to its policies.
        (AS_ROLE, CallerPolicies(), QUEUE, [lets_in({"AWS": ROOT})], False, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies([ALLOW]), QUEUE, [lets_in({"AWS": ACCOUNT})], True, PolicyKind.IDENTITY),
        # An explicit deny wins, wherever it is.
        (AS_ROLE, CallerPolicies([ALLOW, DENY]), QUEUE, [], False, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies([ALLOW]), QUEUE, [lets_in("*", "Deny")], False, PolicyKind.RESOURCE),
        (AS_ROLE, CallerPolicies([ALLOW]), QUEUE, [lets_in({"AWS": USER}, "Deny")], True, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies([DENY]), QUEUE, [lets_in({"AWS": SESSION})], False, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies([ALLOW], boundary=[DENY]), QUEUE, [], False, PolicyKind.BOUNDARY),
        (AS_ROLE, CallerPolicies([ALLOW], session=[DENY]), QUEUE, [], False, PolicyKind.SESSION),
        (AS_ROLE, ADMINISTRATOR, QUEUE, [lets_in("*", "Deny")], False, PolicyKind.RESOURCE),
        # Boundary and session policy only limit.
        (AS_ROLE, CallerPolicies([ALLOW], boundary=[ALLOW], session=[ALLOW]), QUEUE, [], True, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies([ALLOW], boundary=[NOTHING]), QUEUE, [], False, PolicyKind.BOUNDARY),
        (AS_ROLE, CallerPolicies([ALLOW], boundary=[]), QUEUE, [], False, PolicyKind.BOUNDARY),
        (AS_ROLE, CallerPolicies([ALLOW], session=[NOTHING]), QUEUE, [], False, PolicyKind.SESSION),
        (AS_ROLE, CallerPolicies([], boundary=[ALLOW], session=[ALLOW]), QUEUE, [], False, PolicyKind.IDENTITY),
        # Who is let in by name is not limited by what they leave out, unless it is the role that is named.
        (AS_USER, CallerPolicies(boundary=[NOTHING]), QUEUE, [lets_in({"AWS": USER})], True, PolicyKind.RESOURCE),
        (AS_ROLE, CallerPolicies(session=[NOTHING]), QUEUE, [lets_in({"AWS": SESSION})], True, PolicyKind.RESOURCE),
        (AS_ROLE, CallerPolicies(session=[NOTHING]), QUEUE, [lets_in({"AWS": ROLE})], False, PolicyKind.SESSION),
        (AS_ROLE, CallerPolicies(boundary=[NOTHING]), QUEUE, [lets_in({"AWS": ROLE})], False, PolicyKind.BOUNDARY),
        # Across accounts both sides have to allow.
        (AS_ROLE, CallerPolicies([ALLOW]), IN_OTHER, [], False, PolicyKind.RESOURCE),
        (AS_ROLE, CallerPolicies(), IN_OTHER, [lets_in({"AWS": ROLE})], False, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies([ALLOW]), IN_OTHER, [lets_in({"AWS": ROLE})], True, PolicyKind.IDENTITY),
        (AS_ROLE, CallerPolicies([ALLOW]), IN_OTHER, [lets_in({"AWS": ROOT})], True, PolicyKind.IDENTITY),
        (AS_ROLE, ADMINISTRATOR, IN_OTHER, [], False, PolicyKind.RESOURCE),
        # Services and anonymous callers have no identity-based policies.
        (AS_SNS, CallerPolicies(), QUEUE, [], False, PolicyKind.RESOURCE),
        (AS_SNS, CallerPolicies(), QUEUE, [lets_in({"Service": "sns.amazonaws.com"})], True, PolicyKind.RESOURCE),
        (AS_SNS, CallerPolicies(), QUEUE, [lets_in({"Service": "events.amazonaws.com"})], False, PolicyKind.RESOURCE),
        (AS_SNS, CallerPolicies(), QUEUE, [lets_in({"AWS": ROOT})], False, PolicyKind.RESOURCE),
        (Caller(None), CallerPolicies(), QUEUE, [lets_in("*")], True, PolicyKind.RESOURCE),
        (Caller(None), CallerPolicies(), QUEUE, [lets_in({"AWS": ROLE})], False, PolicyKind.RESOURCE),
        (AS_ROLE, ADMINISTRATOR, QUEUE, [], True, PolicyKind.IDENTITY),
    ],
)
def test_policies_are_joined_as_aws_joins_them(caller, identity, resource, policies, allowed, decider):
    decision = asked(caller, identity, resource, *policies)
    assert decision.allowed is allowed
    assert (decision.by.kind if decision.by else decision.missing) is decider


@pytest.mark.parametrize(
    ("named", "identity", "allowed"),
    [
        ({"AWS": ROLE}, [], True),
        # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-root-enable-iam
        ({"AWS": ROOT}, [], False),
        ({"AWS": ROOT}, [ALLOW], True),
        ({"AWS": USER}, [ALLOW], False),
    ],
)
def test_key_use_needs_permission_of_the_key_policy(named, identity, allowed):
    assert asked(AS_ROLE, CallerPolicies(identity), QUEUE, lets_in(named), requires_policy=True).allowed is allowed


@pytest.mark.parametrize(
    ("elements", "action", "resource", "allowed"),
    [
        ({"Action": "sqs:*", "Resource": "*"}, SEND, QUEUE, True),
        ({"Action": "SQS:sendmessage", "Resource": "*"}, SEND, QUEUE, True),
        ({"Action": "sqs:Send?essage", "Resource": "*"}, SEND, QUEUE, True),
        ({"Action": ["s3:*", "sqs:Receive*"], "Resource": "*"}, SEND, QUEUE, False),
        ({"NotAction": "sqs:Receive*", "Resource": "*"}, SEND, QUEUE, True),
        ({"NotAction": "sqs:Send*", "Resource": "*"}, SEND, QUEUE, False),
        ({"Action": SEND, "Resource": [IN_OTHER, QUEUE]}, SEND, QUEUE, True),
        ({"Action": SEND, "Resource": "arn:aws:sqs:*:*:jobs"}, SEND, QUEUE, True),
        ({"Action": SEND, "Resource": QUEUE.upper()}, SEND, QUEUE, False),
        ({"Action": SEND, "NotResource": IN_OTHER}, SEND, QUEUE, True),
        ({"Action": SEND, "NotResource": "arn:aws:sqs:*"}, SEND, QUEUE, False),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}, "s3:GetObject", "arn:aws:s3:::b/a/deep/key", True),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${*}"}, "s3:GetObject", "arn:aws:s3:::b/key", False),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${*}"}, "s3:GetObject", "arn:aws:s3:::b/*", True),
        ({"Action": SEND, "Resource": "arn:aws:sqs:*:*:${aws:username}"}, SEND, QUEUE, False),
        ({"Action": SEND, "Resource": "arn:aws:sqs:*:*:${aws:PrincipalTag/queue}"}, SEND, QUEUE, True),
        ({"Action": SEND, "Resource": "arn:aws:sqs:*:*:${aws:username, 'jobs'}"}, SEND, QUEUE, True),
    ],
)
def test_statement_applies_to_its_actions_and_resources_only(elements, action, resource, allowed):
    identity = CallerPolicies([policy({"Effect": "Allow", **elements})])
    about = ResourcePolicies(resource, None)
    facts = {"aws:principaltag/queue": ("jobs",)}
    assert decide(SESSION, AS_ROLE, identity, action, about, facts).allowed is allowed


def test_a_variable_that_holds_wildcards_is_text():
    identity = CallerPolicies([policy(statement(resource="arn:aws:sqs:*:*:${aws:PrincipalTag/queue}"))])
    facts = {"aws:principaltag/queue": ("*",)}
    assert not decide(SESSION, AS_ROLE, identity, SEND, ResourcePolicies(QUEUE, None), facts).allowed


def test_not_principal_denies_every_other_principal():
    others = policy({"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "*", "Resource": "*"})
    assert asked(AS_ROLE, CallerPolicies([ALLOW]), QUEUE, others).allowed
    assert not asked(AS_USER, CallerPolicies([ALLOW]), QUEUE, others).allowed


def test_service_is_allowed_for_the_source_in_the_policy():
    topic = "arn:aws:sns:eu-west-1:111111111111:news"
    only = lets_in({"Service": "sns.amazonaws.com"}, Condition={"ArnEquals": {"aws:SourceArn": topic}})
    assert asked(AS_SNS, None, QUEUE, only, aws__SourceArn=topic).allowed
    assert not asked(AS_SNS, None, QUEUE, only, aws__SourceArn=topic + "2").allowed
    assert not asked(AS_SNS, None, QUEUE, only).allowed


def test_decision_names_statement_and_words_reason_as_aws_does():
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    denied = asked(AS_ROLE, CallerPolicies([ALLOW, policy(statement(), statement("Deny", Sid="No"), name="limits")]))
    assert denied.by is not None
    assert (denied.by.policy, denied.by.statement) == ("limits", "No")
    assert denied.reason == "with an explicit deny in an identity-based policy"
    allowed = asked(AS_ROLE, CallerPolicies([policy(statement(action="s3:*"), statement(), name="limits")]))
    assert allowed.by is not None
    assert (allowed.by.policy, allowed.by.statement) == ("limits", "Statement[1]")
    assert asked().reason == "because no identity-based policy allows the sqs:SendMessage action"
    limited = asked(AS_ROLE, CallerPolicies([ALLOW], boundary=[]))
    assert limited.reason == "because no permissions boundary allows the sqs:SendMessage action"


def test_a_document_that_iam_would_not_take_is_refused():
    with pytest.raises(PolicyError, match="not JSON"):
        parse("p", "{")
    with pytest.raises(PolicyError, match="Effect"):
        parse("p", json.dumps({"Statement": {"Effect": "allow", "Action": "*", "Resource": "*"}}))
