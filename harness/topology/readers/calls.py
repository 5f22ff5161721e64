"""What a function may call: the resources that its environment and its role name. Inferred; nothing shows that it does."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.topology.document import Location
from harness.topology.edges import CallCondition, Edge
from harness.topology.nodes import NodeId
from harness.topology.readers.making import edge
from harness.topology.references import mentions
from harness.topology.resources import TemplateResource, listed
from harness.topology.wiring import Wiring


@dataclass
class _Call:
    line_path: tuple[str | int, ...]
    declared_by: TemplateResource
    environment: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)


def _calls(wiring: Wiring, function: TemplateResource) -> Iterator[Edge]:
    found: dict[NodeId, _Call] = {}
    for name, value in function.mapping("Environment", "Variables").items():
        if target := wiring.known(value, function):
            path: Location = ("Environment", "Variables", name)
            found.setdefault(target, _Call(path, function)).environment.append(name)
    for policy, path, statement in _allowed(wiring, function):
        actions = _texts(statement.get("Action"))
        for resource in listed(statement.get("Resource")):
            if target := wiring.known(resource, policy):
                call = found.setdefault(target, _Call(path, policy))
                call.actions += [action for action in actions if action not in call.actions]
    delivered = set(_delivered_by_lambda(wiring, function))
    for target, call in found.items():
        if target != function.id and not (target in delivered and not call.environment):
            condition = CallCondition(tuple(call.environment), tuple(call.actions))
            yield edge("calls", function.id, target, condition, call.declared_by, *call.line_path, inferred=True)


def _delivered_by_lambda(wiring: Wiring, function: TemplateResource) -> Iterator[NodeId | None]:
    """Failure queues and destinations: the role allows them for Lambda's own deliveries, not for the code's."""
    yield wiring.known(function.get("DeadLetterConfig", "TargetArn"), function)
    for each in wiring.resources[function.id.stack]:
        wired = each.type in ("AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping")
        if wired and wiring.known(each.get("FunctionName"), each, "function") == function.id:
            for key in ("OnFailure", "OnSuccess"):
                yield wiring.known(each.get("DestinationConfig", key, "Destination"), each)


def _allowed(
    wiring: Wiring, function: TemplateResource
) -> Iterator[tuple[TemplateResource, tuple[str | int, ...], Mapping[str, Any]]]:
    """The statements that allow something, of the function's role and of the policies attached to it."""
    roles = {mention.name for mention in mentions(function.get("Role")) if mention.kind in ("Ref", "GetAtt")}
    for resource in wiring.resources[function.id.stack]:
        if resource.type == "AWS::IAM::Role" and resource.logical_id in roles:
            for index, policy in enumerate(listed(resource.get("Policies"))):
                for statement in _statements(policy):
                    yield resource, ("Policies", index), statement
        if resource.type in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            attached = {mention.name for mention in mentions(resource.get("Roles", default=[]))}
            if attached & roles:
                for statement in _statements({"PolicyDocument": resource.get("PolicyDocument")}):
                    yield resource, ("PolicyDocument",), statement


def _statements(policy: Any) -> Iterable[Mapping[str, Any]]:
    """The allowing statements of a policy: inline, SAM's, or made from a policy template of SAM
    (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-templates.html).
    """
    if not isinstance(policy, Mapping):
        return []
    document = policy.get("PolicyDocument", policy)
    if isinstance(document, Mapping) and "Statement" in document:
        statements = [each for each in listed(document["Statement"]) if isinstance(each, Mapping)]
        return [each for each in statements if each.get("Effect") == "Allow"]
    return [
        {"Action": name, "Resource": list(own.values())} for name, own in policy.items() if isinstance(own, Mapping)
    ]


def _texts(value: Any) -> list[str]:
    return [str(each) for each in listed(value)]


READERS = {"AWS::Lambda::Function": (_calls,)}
