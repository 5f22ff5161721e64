"""Evaluates the policy that a Lambda authorizer returns."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from harness.emulator.access.conditions import ConditionError, Facts
from harness.emulator.access.policy import PolicyError, listed, parse

__all__ = ["PolicyDecision", "PolicyError", "decide"]

ACTION = "execute-api:Invoke"


class PolicyDecision(StrEnum):
    """An explicit deny wins over an allow, and what no statement names is denied implicitly."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


def decide(document: Any, resource: str, facts: Facts | None = None) -> PolicyDecision:
    """Whether `document` lets a caller invoke the method ARN `resource`; `facts` are the condition keys of the request.

    Raises PolicyError for a document that is no policy; API Gateway answers it with 500.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
    """
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise PolicyError("policyDocument is no policy: it has no Statement")
    for statement in listed(document["Statement"]):
        if not isinstance(statement, Mapping) or statement.get("Effect") not in ("Allow", "Deny"):
            raise PolicyError("policyDocument: each Statement needs an Effect of Allow or Deny")
        if not ({"Action", "NotAction"} & set(statement) and {"Resource", "NotResource"} & set(statement)):
            raise PolicyError("policyDocument: each Statement needs an Action and a Resource")
    try:
        policy = parse("policyDocument", json.dumps(document, default=str, sort_keys=True))
    except ConditionError as error:
        raise PolicyError(f"policyDocument: {error}") from error
    effects = {s.allows for s in policy.statements if s.about(ACTION, resource, facts or {})}
    if False in effects:
        return PolicyDecision.EXPLICIT_DENY
    return PolicyDecision.ALLOW if True in effects else PolicyDecision.IMPLICIT_DENY
