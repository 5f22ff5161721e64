"""The policy that a Lambda authorizer returns."""

import pytest

pytest.importorskip("localstack", reason="the emulator's extra is not installed")

from harness.emulator.apigateway.policy import PolicyDecision, PolicyError, decide

ARN = "arn:aws:execute-api:us-east-1:000000000000:api/s/GET/albums/1"


def statement(effect, resource, action="execute-api:Invoke"):
    return {"Effect": effect, "Action": action, "Resource": resource}


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        ([statement("Allow", ARN)], PolicyDecision.ALLOW),
        ([statement("Allow", "*")], PolicyDecision.ALLOW),
        ([statement("Allow", [ARN + "x", "arn:aws:execute-api:*:*:api/*/GET/*"])], PolicyDecision.ALLOW),
        ([statement("Allow", "*"), statement("Deny", ARN)], PolicyDecision.EXPLICIT_DENY),
        ([statement("Allow", ARN.replace("GET", "PUT"))], PolicyDecision.IMPLICIT_DENY),
        ([statement("Allow", "*", "execute-api:ManageConnections")], PolicyDecision.IMPLICIT_DENY),
        ([statement("Allow", "*", ["execute-api:*"])], PolicyDecision.ALLOW),
        ([], PolicyDecision.IMPLICIT_DENY),
    ],
)
def test_a_policy_decides(statements, decision):
    assert decide({"Statement": statements}, ARN) is decision


@pytest.mark.parametrize("document", [None, {}, {"Statement": [{"Effect": "Maybe"}]}, {"Statement": ["Allow"]}])
def test_malformed_resource_policy_raises(document):
    with pytest.raises(PolicyError):
        decide(document, ARN)


def test_condition_of_authorizer_policy_is_evaluated():
    here = {**statement("Allow", "*"), "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}
    assert decide({"Statement": [here]}, ARN, {"aws:sourceip": ("127.0.0.1",)}) is PolicyDecision.ALLOW
    assert decide({"Statement": [here]}, ARN, {"aws:sourceip": ("192.0.2.1",)}) is PolicyDecision.IMPLICIT_DENY


def test_brackets_in_resource_are_no_wildcards():
    assert (
        decide({"Statement": [statement("Allow", ARN.replace("api/", "[api]/"))]}, ARN) is PolicyDecision.IMPLICIT_DENY
    )
