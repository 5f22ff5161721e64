"""No property of a resource type is ignored without a word: LocalStack's provider reads it, we make it, or it is refused."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import localstack.services
import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from harness.emulator import services
from harness.emulator.cloudformation.known_types import know
from harness.emulator.cloudformation.left_out import IGNORED, PARAMETERS, left_out_of
from harness.emulator.cloudformation.updates import CHANGES
from harness.emulator.s3.resource_types import lifecycle_rule

know(*services.KNOWN)

SERVICES = Path(localstack.services.__path__[0])
WHOLE = {
    "AWS::IAM::Role", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::LayerVersion",
    "AWS::SNS::Topic", "AWS::SQS::Queue",
}  # fmt: skip
"""Types whose provider forwards all properties to the service."""
KNOWN_ELSEWHERE = {("AWS::Lambda::Function", "ReservedConcurrentExecutions")}
"""harness/emulator/lambda_/creation.py"""
AUDITED = sorted(
    {*PARAMETERS, *IGNORED}
    | {name for name, change in CHANGES.items() if change.completes}
    | {"AWS::SQS::Queue", "AWS::Lambda::Alias", "AWS::Lambda::Url", "AWS::Scheduler::Schedule", "AWS::IAM::Role"}
)


def _providers() -> Iterator[tuple[str, Path]]:
    for file in SERVICES.glob("*/resource_providers/**/*.py"):
        if found := re.search(r'^    TYPE = "(AWS::[^"]+)"', file.read_text(), re.MULTILINE):
            # The subclass of a generated base class is in a file next to the generated code's folder.
            own = file.parents[1] / file.name.replace("_base.py", ".py")
            yield found[1], own if file.parent.name == "generated" else file


PROVIDERS = dict(_providers())


def _named(provider: Path) -> set[str]:
    """Every text in the code of a provider that is not about updates or reading back."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(provider.read_text())):
        if not isinstance(node, ast.FunctionDef) or node.name in ("update", "read", "list", "load"):
            continue
        body = node.body[1:] if ast.get_docstring(node) else node.body
        parts = [part for statement in body for part in ast.walk(statement)]
        found |= {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return found


def _writable(resource_type: str) -> set[str]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
    read_only = {path.removeprefix("/properties/") for path in schema.get("readOnlyProperties", ())}
    return set(schema["properties"]) - read_only


def _made(resource_type: str) -> set[str]:
    change = CHANGES.get(resource_type)
    return {*PARAMETERS.get(resource_type, ()), *(change.completes if change else ())}


@pytest.mark.parametrize("resource_type", AUDITED)
def test_every_property_is_made_or_refused(resource_type: str):
    if resource_type in WHOLE:
        return
    named = _named(PROVIDERS[resource_type])
    # Where services write a property with a small letter, the providers do.
    read = {name for name in _writable(resource_type) if {name, name[:1].lower() + name[1:]} & named}
    elsewhere = {name for kind, name in KNOWN_ELSEWHERE if kind == resource_type}
    assert (
        _writable(resource_type) - read - elsewhere - _made(resource_type) - set(IGNORED.get(resource_type, ()))
        == set()
    )


@pytest.mark.parametrize("resource_type", AUDITED)
def test_ignored_and_made_properties_are_disjoint_and_writable(resource_type: str):
    ignored = set(IGNORED.get(resource_type, ()))
    assert ignored & _made(resource_type) == set()
    assert ignored | _made(resource_type) <= _writable(resource_type)


def test_ignored_members_are_added_only_to_calls_that_have_them():
    properties = {"FilterName": "errors", "RoleArn": "arn:aws:iam::000000000000:role/r", "FilterPattern": ""}
    kind = "AWS::Logs::SubscriptionFilter"
    put = left_out_of("put_subscription_filter", kind, properties)
    assert put == {"filterName": "errors", "roleArn": properties["RoleArn"]}
    assert left_out_of("delete_subscription_filter", kind, properties) == {"filterName": "errors"}
    assert left_out_of("describe_subscription_filters", kind, properties) == {}


@pytest.mark.parametrize(
    ("rule", "condition"),
    [
        ({}, {"Prefix": ""}),
        ({"Prefix": "a/"}, {"Prefix": "a/"}),
        ({"TagFilters": [{"Key": "k", "Value": "v"}]}, {"Tag": {"Key": "k", "Value": "v"}}),
        ({"ObjectSizeGreaterThan": "5"}, {"ObjectSizeGreaterThan": 5}),
        (
            {"Prefix": "a/", "ObjectSizeLessThan": 9},
            {"And": {"Prefix": "a/", "ObjectSizeLessThan": 9}},
        ),
    ],
)
def test_a_lifecycle_rule_has_one_condition_or_several_in_and(rule, condition):
    assert lifecycle_rule({"Status": "Enabled", **rule})["Filter"] == condition


def test_older_lifecycle_rule_form_equals_the_newer():
    older = {
        "Status": "Enabled",
        "NoncurrentVersionExpirationInDays": 3,
        "Transition": {"StorageClass": "GLACIER", "TransitionInDays": 9},
    }
    rule = lifecycle_rule(older)
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 3}
    assert rule["Transitions"] == [{"Days": 9, "StorageClass": "GLACIER"}]
