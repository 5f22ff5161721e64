"""IAM policy documents, parsed: which statements apply to a call.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.emulator.access import conditions
from harness.emulator.access.conditions import Facts
from harness.emulator.access.wildcards import compiled, substitute


class PolicyError(ValueError):
    """A document that IAM would not have accepted."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is matched against `Principal`.

    `names` are all the principal ARNs and ids that mean this caller, the most special first: of a role session its own
    ARN, then the role's; of a user its ARN. `service` is set where an AWS service itself calls (`sns.amazonaws.com`).
    """

    account_id: str | None
    names: tuple[str, ...] = ()
    service: str | None = None
    federated: str | None = None

    @property
    def anonymous(self) -> bool:
        return not self.names and self.service is None and self.federated is None


class PrincipalMatch:
    """How precisely a statement's `Principal` names a caller."""

    NOT = 0
    ACCOUNT = 1
    """Its account: the account's own policies decide further."""
    ROLE = 2
    """The role of the session that calls."""
    DIRECTLY = 3


@dataclass(frozen=True, slots=True)
class Statement:
    allows: bool
    sid: str | None
    index: int
    actions: tuple[str, ...]
    """In lower case: IAM compares actions without regard to case."""
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: Mapping[str, tuple[str, ...]] | None
    not_principals: Mapping[str, tuple[str, ...]] | None
    condition: conditions.Block

    @property
    def name(self) -> str:
        """The statement's Sid, or its place in the document, counted from 0."""
        return self.sid or f"Statement[{self.index}]"

    def about(self, action: str, resource: str, facts: Facts) -> bool:
        """Whether action, resource and condition match; `Principal` is asked apart, by `names`."""
        return self.has_action(action) and self.has_resource(resource, facts) and conditions.met(self.condition, facts)

    def names(self, caller: Caller) -> int:
        """How precisely this statement's principal means `caller` (`PrincipalMatch`). Without a principal, as in an identity
        policy, it means the principal that the policy is attached to."""
        if self.not_principals is not None:
            return PrincipalMatch.NOT if _precision(self.not_principals, caller) else PrincipalMatch.DIRECTLY
        return PrincipalMatch.DIRECTLY if self.principals is None else _precision(self.principals, caller)

    def has_action(self, action: str) -> bool:
        action = action.lower()
        if self.not_actions:
            return not any(compiled(a).fullmatch(action) for a in self.not_actions)
        return any(compiled(a).fullmatch(action) for a in self.actions)

    def has_resource(self, resource: str, facts: Facts) -> bool:
        if self.not_resources:
            return not any(_resource_matches(r, resource, facts) for r in self.not_resources)
        # A trust policy has no Resource: it is attached to the one it is about.
        return not self.resources or any(_resource_matches(r, resource, facts) for r in self.resources)


def _resource_matches(pattern: str, resource: str, facts: Facts) -> bool:
    filled = substitute(pattern, facts)
    return filled is not None and compiled(filled).fullmatch(resource) is not None


_ACCOUNT = re.compile(r"(?:arn:[^:]+:iam::)?(\d{12})(?::root)?")


def _precision(principals: Mapping[str, tuple[str, ...]], caller: Caller) -> int:
    best = PrincipalMatch.NOT
    for kind, values in principals.items():
        for value in values:
            best = max(best, _names_how(kind, value, caller))
    return best


def _names_how(kind: str, value: str, caller: Caller) -> int:
    if kind == "Service":
        return (
            PrincipalMatch.DIRECTLY
            if caller.service is not None and _service_is(value, caller.service)
            else PrincipalMatch.NOT
        )
    if kind == "Federated":
        return PrincipalMatch.DIRECTLY if caller.federated == value else PrincipalMatch.NOT
    if kind == "CanonicalUser":
        return PrincipalMatch.NOT
    if value == "*":
        # Everyone: anonymous callers and services too
        # (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous).
        return PrincipalMatch.DIRECTLY
    if caller.service is not None:
        return PrincipalMatch.NOT
    if value in caller.names:
        # A session is named by its own ARN or by its role's; a user has one name.
        role = len(caller.names) > 1 and value != caller.names[0]
        return PrincipalMatch.ROLE if role else PrincipalMatch.DIRECTLY
    account = _ACCOUNT.fullmatch(value)
    return PrincipalMatch.ACCOUNT if account is not None and account[1] == caller.account_id else PrincipalMatch.NOT


def _service_is(value: str, service: str) -> bool:
    """Also by its regional name (`states.eu-central-1.amazonaws.com`)."""
    return value == service or re.sub(r"\.[a-z]{2}(-[a-z]+)+-\d+\.amazonaws", ".amazonaws", value) == service


@dataclass(frozen=True, slots=True)
class Policy:
    """A document with the name that users know: an ARN, or an inline policy's name."""

    name: str
    statements: tuple[Statement, ...] = field(default=())


@functools.lru_cache(maxsize=4096)
def parse(name: str, document: str) -> Policy:
    """Parse a policy's JSON. Kept by its text, so a policy that changes is another. Raises PolicyError."""
    try:
        content = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"policy {name}: not JSON: {error}") from error
    if not isinstance(content, Mapping):
        raise PolicyError(f"policy {name}: not a JSON object")
    return Policy(name, tuple(_statement(name, i, s) for i, s in enumerate(listed(content.get("Statement")))))


def _statement(name: str, index: int, statement: Mapping[str, Any]) -> Statement:
    if not isinstance(statement, Mapping):
        raise PolicyError(f"policy {name}: Statement[{index}] is not a JSON object")
    condition = statement.get("Condition") or {}
    if not isinstance(condition, Mapping) or not all(isinstance(keys, Mapping) for keys in condition.values()):
        raise PolicyError(f"policy {name}: the Condition of Statement[{index}] is not a JSON object of JSON objects")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(f"policy {name}: Statement[{index}] has no Effect of Allow or Deny")
    return Statement(
        allows=statement["Effect"] == "Allow",
        sid=statement.get("Sid") or None,
        index=index,
        actions=tuple(str(a).lower() for a in listed(statement.get("Action"))),
        not_actions=tuple(str(a).lower() for a in listed(statement.get("NotAction"))),
        resources=tuple(str(r) for r in listed(statement.get("Resource"))),
        not_resources=tuple(str(r) for r in listed(statement.get("NotResource"))),
        principals=_principals(statement.get("Principal")),
        not_principals=_principals(statement.get("NotPrincipal")),
        condition=conditions.parse(condition),
    )


def _principals(value: Any) -> Mapping[str, tuple[str, ...]] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return {"AWS": tuple(str(v) for v in listed(value))}
    return {kind: tuple(str(v) for v in listed(values)) for kind, values in value.items()}


def listed(value: Any) -> list[Any]:
    """What policies write as one value or as a list of them, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
