"""What nearly allowed a call that is denied.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

import json
from typing import Any

import pytest

from harness.emulator.access.evaluation import CallerPolicies, Decision, ResourcePolicies, decide
from harness.emulator.access.near_misses import FailedCondition, NearMiss
from harness.emulator.access.policy import Caller, Policy, parse

ACCOUNT = "111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/one"
QUEUE, OTHER = (f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}" for name in ("jobs", "others"))
SEND = "sqs:SendMessage"
AS_ROLE = Caller(ACCOUNT, (SESSION, ROLE))
AS_SNS = Caller(None, service="sns.amazonaws.com")
FROM_TOPIC = {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:::wanted"}}


def policy(**statement: Any) -> Policy:
    given = {"Sid": "Only", "Effect": "Allow", "Action": SEND, "Resource": QUEUE, **statement}
    return parse("p", json.dumps({"Statement": [given]}))


def asked(identity: CallerPolicies, *policies: Policy, caller: Caller = AS_ROLE, **facts: str) -> Decision:
    known = {k.lower().replace("__", ":"): (v,) for k, v in facts.items()}
    return decide(SESSION, caller, identity, SEND, ResourcePolicies(QUEUE, ACCOUNT, policies), known)


WANTED = FailedCondition("aws:sourcearn", "arnequals", ("arn:aws:sns:::wanted",), None)
GIVEN = FailedCondition("aws:sourcearn", "arnequals", ("arn:aws:sns:::wanted",), ("arn:aws:sns:::other",))


@pytest.mark.parametrize(
    ("own", "facts", "near"),
    [
        (policy(Resource=OTHER), {}, NearMiss("p", "Only", resources=(OTHER,))),
        (policy(Resource=None, NotResource=QUEUE), {}, NearMiss("p", "Only", resources=(QUEUE,))),
        (policy(Condition=FROM_TOPIC), {}, NearMiss("p", "Only", conditions=(WANTED,))),
        (
            policy(Condition=FROM_TOPIC),
            {"aws__SourceArn": "arn:aws:sns:::other"},
            NearMiss("p", "Only", conditions=(GIVEN,)),
        ),
        # Two things are wrong, or it is about something else altogether.
        (policy(Resource=OTHER, Condition=FROM_TOPIC), {}, None),
        (policy(Action="sqs:ReceiveMessage"), {}, None),
        (policy(Sid=None, Effect="Deny", Resource=OTHER), {}, None),
    ],
)
def test_a_statement_that_fails_for_one_reason_nearly_allows(own, facts, near):
    decision = asked(CallerPolicies([own]), **facts)
    assert not decision.allowed
    assert decision.near == ((near,) if near else ())


def test_near_miss_reports_only_the_failing_condition_keys():
    own = policy(Condition={**FROM_TOPIC, "StringEquals": {"aws:RequestedRegion": "eu-west-1"}})
    [near] = asked(CallerPolicies([own]), aws__RequestedRegion="eu-west-1").near
    assert [failed.key for failed in near.conditions] == ["aws:sourcearn"]


def test_near_miss_of_resource_policy_lists_its_principals():
    theirs = policy(Principal={"Service": "events.amazonaws.com"})
    decision = asked(CallerPolicies(), theirs, caller=AS_SNS)
    assert decision.near == (NearMiss("p", "Only", principals=("events.amazonaws.com",)),)
    # Within an account it could also have allowed the role.
    assert asked(CallerPolicies(), theirs).near == decision.near


def test_near_miss_of_a_boundary_lists_its_statements():
    boundary = policy(Resource=OTHER)
    decision = asked(CallerPolicies([policy()], boundary=[boundary]))
    assert decision.near == (NearMiss("p", "Only", resources=(OTHER,)),)


def test_decision_by_a_statement_has_no_near_misses():
    near = policy(Resource=OTHER)
    assert asked(CallerPolicies([near, policy()])).near == ()
    assert asked(CallerPolicies([near, policy(Effect="Deny")])).near == ()
