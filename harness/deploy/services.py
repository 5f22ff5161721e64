"""Which AWS services a template needs, by boto3's names, and what to skip on a target that does not support them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from harness import aws
from harness.aws import sam
from harness.deploy.artifacts import find_local_parts
from harness.deploy.deployment import Withheld
from harness.deploy.plan import StackPlan, dependencies
from harness.topology import NotStaticError, Scope, Template, evaluate

ALWAYS = ("cloudformation",)
"""What every stack needs."""
_OF_NO_SERVICE = ("AWS::CDK::Metadata",)

EVENTS: Mapping[str, str] = {event: row.name for row in aws.SERVICES.values() for event in row.sam_events}
"""The services that the Events of SAM's functions and state machines connect to, by their Type
(https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html)."""

PROPERTIES: Mapping[tuple[str, str], str] = {
    ("AWS::DynamoDB::GlobalTable", "StreamSpecification"): "dynamodbstreams",
    ("AWS::DynamoDB::Table", "StreamSpecification"): "dynamodbstreams",
    ("AWS::RDS::DBCluster", "EnableHttpEndpoint"): "rds-data",
    ("AWS::Serverless::Function", "DeploymentPreference"): "codedeploy",
}
"""The services that a property needs, if it is set, in addition to its resource's own service."""

ACTIONS: Mapping[str, str] = {action: row.name for row in aws.SERVICES.values() for action in row.called_by}
"""The services that functions call, by the action (or its part before the colon) that a policy allows. Services that a
function can do without (traces, metrics, logs) are not listed, nor uncertain ones, such as wildcards for the service."""


def services_of(templates: Iterable[Template]) -> frozenset[str]:
    """All services that the templates may need, by boto3's names; services behind a false condition are included.

    Raises TemplateError if a template cannot be read.
    """
    found = set(ALWAYS)
    for template in templates:
        parts = find_local_parts(template, Scope(template.body, {}))
        found.update(service for service, _ in _needs(template, None))
        found.update(("s3",) if parts.artifacts or parts.nested else ())
        found |= services_of(part.template for part in parts.nested)
    return frozenset(found)


def withhold(
    plans: Sequence[StackPlan], lacking: Mapping[str, str], address: str
) -> tuple[list[StackPlan], dict[str, Withheld]]:
    """The stacks that can be deployed without these services, and by name those that cannot.

    `lacking` maps each unsupported service to what the target answered; `address` is the target's address in messages. A
    stack cannot be deployed if it needs such a service, or imports from a stack that cannot be deployed.
    """
    withheld = {plan.name: lack for plan in plans if (lack := _lack(plan, lacking, address)) is not None}
    needs = dependencies(plans)
    while True:
        importers = {
            plan.name: _without(plan, exporter, withheld[exporter.name])
            for plan in plans
            for exporter in plans
            if plan.name not in withheld and exporter.name in withheld and exporter.name in needs[plan.name]
        }
        if not importers:
            return [plan for plan in plans if plan.name not in withheld], withheld
        withheld |= importers


def _lack(plan: StackPlan, lacking: Mapping[str, str], address: str) -> Withheld | None:
    needed: dict[str, str] = {}
    for service, resource in _needs_of(plan):
        if service in lacking:
            needed.setdefault(service, f" ({resource})" if resource else "")
    if not needed:
        return None
    (service, resource), *others = needed.items()
    reason = f"{plan.name} is not deployed: it needs {service}{resource}, which {address} lacks: {lacking[service]}"
    if others:
        reason = f"{reason.rstrip('.')}. It lacks as well: {', '.join(name for name, _ in others)}"
    return Withheld(service, reason)


def _without(plan: StackPlan, exporter: StackPlan, lack: Withheld) -> Withheld:
    exports = {export for part in exporter.with_nested() for export in part.exports}
    imported = next(name for name in plan.all_imports() if name in exports)
    return Withheld(lack.capability, f"{plan.name} is not deployed: it imports {imported!r}, and {lack.reason}")


def _needs_of(plan: StackPlan) -> Iterator[tuple[str, str]]:
    """The services that a stack needs, each with the resource that needs it, in the order of the file."""
    for part in plan.with_nested():
        yield from _needs(part.template, part.scope)
        if part.parts.artifacts or part.nested:
            yield "s3", "for code and templates"
    for service in ALWAYS:
        yield service, ""


def _needs(template: Template, scope: Scope | None) -> Iterator[tuple[str, str]]:
    for logical_id, resource in _resources(template):
        if scope is not None and not _exists(resource, scope):
            continue
        properties = resource.get("Properties")
        properties = properties if isinstance(properties, dict) else {}
        for service in _services(resource["Type"], properties):
            yield service, logical_id


def _resources(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Resources by logical id; those of a loop by the loop's pattern
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-foreach.html)."""
    yield from template.resources.items()
    for name, loop in template.body["Resources"].items():
        made = loop[-1] if name.startswith("Fn::ForEach::") and isinstance(loop, list) and loop else None
        for logical_id, resource in made.items() if isinstance(made, dict) else ():
            if isinstance(resource, dict) and isinstance(resource.get("Type"), str):
                yield logical_id, resource


def _exists(resource: Mapping[str, Any], scope: Scope) -> bool:
    """Whether a resource will be created, as far as that is known before deployment."""
    if "Condition" not in resource:
        return True
    try:
        return bool(evaluate({"Condition": resource["Condition"]}, scope))
    except NotStaticError:
        return True


def _services(resource_type: str, properties: Mapping[str, Any]) -> Iterator[str]:
    yield from _services_of_type(resource_type)
    for (of_type, name), service in PROPERTIES.items():
        if of_type == resource_type and properties.get(name):
            yield service
    if resource_type.startswith("AWS::Serverless::"):
        events = properties.get("Events")
        for event in events.values() if isinstance(events, dict) else ():
            if isinstance(event, dict) and event.get("Type") in EVENTS:
                yield EVENTS[event["Type"]]
    for action in _allowed(properties):
        called = ACTIONS.get(action) or ACTIONS.get(action.partition(":")[0])
        if called is not None:
            yield called


def _services_of_type(resource_type: str) -> tuple[str, ...]:
    if resource_type in sam.TYPES:
        return sam.TYPES[resource_type].services
    if resource_type in _OF_NO_SERVICE:
        return ()
    # CloudFormation itself handles custom resources, modules and third-party types.
    return (aws.service_of_type(resource_type) or "cloudformation",)


def _allowed(value: Any) -> Iterator[str]:
    """The actions that the policies below a value allow, including SAM's policy templates."""
    if isinstance(value, list):
        for item in value:
            yield from _allowed(item)
    elif isinstance(value, dict):
        actions = value.get("Action")
        if value.get("Effect") == "Allow":
            yield from (a for a in (actions if isinstance(actions, list) else [actions]) if isinstance(a, str))
        for key, item in value.items():
            if key in _policy_templates() and isinstance(item, dict):
                yield from _allowed(_policy_templates()[key])
            yield from _allowed(item)


@cache
def _policy_templates() -> dict[str, Any]:
    """https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html"""
    data = files("samtranslator") / "policy_templates_data" / "policy_templates.json"
    templates: dict[str, Any] = json.loads(data.read_text())["Templates"]
    return templates
