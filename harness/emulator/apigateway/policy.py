"""Evaluates the policy that a Lambda authorizer returns."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from harness.emulator.access.policy import listed
from harness.emulator.access.wildcards import compiled

ACTION = "execute-api:Invoke"


class Decision(StrEnum):
    """An explicit deny wins over an allow, and what no statement names is denied implicitly."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


class PolicyError(ValueError):
    """A document that is no policy; API Gateway answers it with 500."""


def decide(document: Any, resource: str) -> Decision:
    """Whether `document` lets a caller invoke the method ARN `resource`. Raises PolicyError.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
    """
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise PolicyError("policyDocument is no policy: it has no Statement")
    effects = {s["Effect"] for s in _statements(document) if _applies(s, resource)}
    if "Deny" in effects:
        return Decision.EXPLICIT_DENY
    return Decision.ALLOW if "Allow" in effects else Decision.IMPLICIT_DENY


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = listed(document["Statement"])
    for statement in statements:
        if not isinstance(statement, Mapping) or statement.get("Effect") not in ("Allow", "Deny"):
            raise PolicyError("policyDocument: each Statement needs an Effect of Allow or Deny")
        if not {"Action", "Resource"} <= set(statement):
            raise PolicyError("policyDocument: each Statement needs an Action and a Resource")
        if "Condition" in statement:
            raise PolicyError("policyDocument: the emulator does not evaluate a Statement's Condition")
    return statements


def _applies(statement: Mapping[str, Any], resource: str) -> bool:
    actions = any(matches(a.lower(), ACTION.lower()) for a in listed(statement["Action"]))
    return actions and any(matches(r, resource) for r in listed(statement["Resource"]))


def matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` is any text, slashes too, and `?` any one character."""
    return compiled(pattern).fullmatch(text) is not None
