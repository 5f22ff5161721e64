"""No role and no policy of stack/ uses `*` where IAM supports a narrower value.

https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.emulator.access import authorization_reference
from harness.topology import Location, Template

STACK = Path(__file__).parents[3] / "stack"
TEMPLATES = [Template(path, path.parent.name) for path in sorted(STACK.glob("*/template.yaml"))]

EXCEPTIONS = {
    ("notifications", "TextMessageFunction", "sns:Publish"): "a phone number has no ARN, and a denial keeps topics out "
    "(https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html)",
    ("platform", "Key", "kms:*"): "the account administers its key, or nobody could "
    "(https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html)",
}
"""Statements that are wider than necessary, with the reason."""
OF_WHAT_THEY_ARE_ATTACHED_TO = {"KeyPolicy"}
"""Policies in which `*` means the resource itself
(https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html)."""
PREFIXED = {"kms:ReEncrypt*", "kms:GenerateDataKey*"}
"""As AWS itself writes them: ReEncryptFrom and ReEncryptTo, GenerateDataKey and its kin
(https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html)."""


class Allowed(NamedTuple):
    stack: str
    logical_id: str
    location: Location
    action: str
    resources: tuple[Any, ...]

    @property
    def place(self) -> str:
        template = next(t for t in TEMPLATES if t.stack == self.stack)
        return f"stack/{self.stack}/template.yaml:{template.line(*self.location)}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _statements(value: Any, location: Location) -> Iterator[tuple[Location, dict[str, Any]]]:
    """Whatever is a policy's statement, wherever it stands."""
    if isinstance(value, dict):
        for index, each in enumerate(_listed(value.get("Statement"))):
            yield (*location, "Statement", index), each
        for key, each in value.items():
            if key != "Statement":
                yield from _statements(each, (*location, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _statements(each, (*location, index))


def allowed(template: Template) -> Iterator[Allowed]:
    for logical_id, resource in template.resources.items():
        for location, statement in _statements(resource.get("Properties", {}), ("Resources", logical_id, "Properties")):
            if statement["Effect"] == "Allow":
                for action in _listed(statement.get("Action")):
                    resources = tuple(_listed(statement.get("Resource")))
                    yield Allowed(template.stack, logical_id, location, action, resources)


ALLOWED = [each for template in TEMPLATES for each in allowed(template)]


def _names_resources(action: str) -> bool:
    """Whether AWS supports a resource for an action."""
    prefix, _, name = action.partition(":")
    service = authorization_reference.service(prefix)
    assert service is not None, f"the authorization reference has no {prefix}"
    assert name in service.actions, f"{action} is no action of IAM"
    return bool(service.actions[name])


def too_wide(each: Allowed) -> str | None:
    """Statements that are wider than necessary."""
    if (each.stack, each.logical_id, each.action) in EXCEPTIONS:
        return None
    of_itself = bool(OF_WHAT_THEY_ARE_ATTACHED_TO & set(map(str, each.location)))
    if "*" in each.action and not (of_itself and each.action in PREFIXED):
        return f"{each.place}: {each.logical_id} allows {each.action}"
    if "*" in each.resources and not of_itself and _names_resources(each.action):
        return f"{each.place}: {each.logical_id} allows {each.action} on *"
    return None


def test_no_statement_allows_star_for_actions_with_resources():
    assert list(filter(None, map(too_wide, ALLOWED))) == []


def test_every_exception_is_still_one():
    there = {(each.stack, each.logical_id, each.action) for each in ALLOWED}
    assert EXCEPTIONS.keys() - there == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.stack)
def test_no_role_has_a_policy_of_aws_that_speaks_of_everything(template: Template):
    """For example `AmazonDynamoDBFullAccess`. SAM and AWS grant logs and traces by separate policies."""
    named = [
        f"{template.stack}.{logical_id}: {policy}"
        for logical_id, resource in template.resources.items()
        for key in ("Policies", "ManagedPolicyArns")
        for policy in _listed(resource.get("Properties", {}).get(key))
        if isinstance(policy, str) and not policy.endswith(("AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"))
    ]
    assert named == []


@pytest.mark.parametrize(
    ("action", "resource", "wide"),
    [
        ("sqs:SendMessage", "*", True),
        ("sqs:*", "arn:aws:sqs:us-east-1:000000000000:jobs", True),
        ("sqs:SendMessage", {"Fn::GetAtt": ["Jobs", "Arn"]}, False),
        # An action that AWS evaluates on `*` only.
        ("cloudwatch:PutMetricData", "*", False),
    ],
)
def test_wildcard_permission_is_recognised_as_too_wide(action: str, resource: Any, wide: bool):
    each = Allowed("users", "Function", ("Resources",), action, (resource,))
    assert bool(too_wide(each)) is wide
