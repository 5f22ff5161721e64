"""Finds the resource that a value of a template refers to: by reference, import from another stack, name or ARN."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from harness import aws
from harness.topology.nodes import NAMES, Node, NodeId, kind_of
from harness.topology.references import SUB_VARIABLE, mentions
from harness.topology.resources import Stack, TemplateResource
from harness.topology.sam import AUTHORIZER, ROUTE, expand

DEFAULT_BUS = NodeId("", "default")

_KINDS: dict[str, list[str]] = {}
"""The kinds of node that an ARN can refer to, by the service's part of the ARN."""
for _service, _kind in aws.kinds():
    if _kind.kind:
        _KINDS.setdefault(_service.iam_prefix, []).append(_kind.kind)

_STAND_FOR = {type_: kind.stands_for for type_, kind in aws.TYPES.items() if kind.stands_for}
"""Resources that stand for another, and the property that names it."""


class Wiring:
    """All stacks, expanded, and the references of their values."""

    def __init__(self, stacks: Sequence[Stack], physical_ids: Mapping[str, Mapping[str, str]]) -> None:
        self.stacks = {stack.template.stack: stack for stack in stacks}
        self.resources = {name: expand(stack) for name, stack in self.stacks.items()}
        self._physical_ids = physical_ids
        self.external: dict[NodeId, Node] = {}

    def stack_of(self, resource: TemplateResource) -> Stack:
        return self.stacks[resource.template.stack]

    def all(self) -> Iterable[TemplateResource]:
        return (resource for resources in self.resources.values() for resource in resources)

    @cached_property
    def by_id(self) -> Mapping[NodeId, TemplateResource]:
        """By id: what the template declares, without what SAM's events add to it."""
        found: dict[NodeId, TemplateResource] = {}
        for resource in sorted(self.all(), key=lambda each: each.location != ("Resources", each.logical_id)):
            if resource.type not in (ROUTE, AUTHORIZER):
                found.setdefault(resource.id, resource)
        return found

    @cached_property
    def nodes(self) -> Mapping[NodeId, Node]:
        found = {}
        for resource in self.by_id.values():
            if kind := kind_of(resource.type, str(resource.get("ProtocolType", default=""))):
                name = self.static(resource.get(NAMES.get(kind, "")), resource)
                found[resource.id] = Node(
                    resource.id,
                    kind,
                    resource.type,
                    resource.template.path,
                    resource.line(),
                    name if isinstance(name, str) else None,
                    self._physical_ids.get(resource.id.stack, {}).get(resource.logical_id),
                )
        return found

    def static(self, value: Any, resource: TemplateResource) -> Any:
        """The value if it is known without deploying, also through exports; else None."""
        return self._static(value, self.stack_of(resource))

    def _static(self, value: Any, stack: Stack) -> Any:
        return stack.static(self._with_imports(value, stack))

    def _with_imports(self, value: Any, stack: Stack) -> Any:
        """The value with each Fn::ImportValue replaced by the exported value, if it is known."""
        if isinstance(value, list):
            return [self._with_imports(item, stack) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and "Fn::ImportValue" in value:
            exporter, exported = self._exports.get(str(stack.static(value["Fn::ImportValue"])), (stack, None))
            text = exporter.static(self._own_value(exported, exporter))
            return value if text is None else text
        return {key: self._with_imports(item, stack) for key, item in value.items()}

    def _own_value(self, value: Any, stack: Stack) -> Any:
        """For an SSM parameter, `Value` is its content and not the parameter."""
        if isinstance(value, dict) and isinstance(named := value.get("Fn::GetAtt"), list) and named[1:] == ["Value"]:
            declared = stack.declared.get(named[0])
            return declared.get("Value") if declared and declared.type == "AWS::SSM::Parameter" else value
        return value

    def text(self, value: Any, resource: TemplateResource, default: str = "") -> str:
        """A value that evaluates to plain text; `default` if it is not known."""
        found = self.static(value, resource)
        return default if found is None else str(found).lower() if isinstance(found, bool) else str(found)

    def integer(self, value: Any, resource: TemplateResource, default: int) -> int:
        try:
            return int(self.static(value, resource))
        except (TypeError, ValueError):
            return default

    def truth(self, value: Any, resource: TemplateResource, default: bool) -> bool:
        found = self.static(value, resource)
        return default if found is None else str(found).lower() == "true"

    def node(
        self, value: Any, resource: TemplateResource, kind: str = "", names: Mapping[str, Any] | None = None
    ) -> NodeId | None:
        """The node that a value of the resource's template refers to; a new external node if no template declares it.

        `kind` is the kind of a bare name. `names` has the values of `${variables}` in a text that is no Fn::Sub.
        """
        stack = self.stack_of(resource)
        if found := self._known(value, stack, kind, names or {}):
            return found
        text = self._static(value, stack)
        if text is None and isinstance(value, dict):
            text = self._written(value, stack)
        return self._outside(str(text)) if text not in (None, "") else None

    def known(self, value: Any, resource: TemplateResource, kind: str = "") -> NodeId | None:
        """The node of a template that a value refers to; None if there is none."""
        return self._known(value, self.stack_of(resource), kind, {})

    def service(self, principal: str) -> NodeId:
        return self._outside(principal)

    def _known(self, value: Any, stack: Stack, kind: str, names: Mapping[str, Any]) -> NodeId | None:
        if isinstance(value, str):
            for _, variable in SUB_VARIABLE.findall(value):
                if variable in names and (found := self._known(names[variable], stack, kind, {})):
                    return found
            return self._named(value, kind)
        for mention in mentions(value):
            if mention.attribute != "Value" and (found := self._resource(stack, mention.name)):
                return found
            is_parameter = mention.kind == "Ref" and mention.name in stack.template.parameters
            given = stack.scope.parameters.get(mention.name, "") if is_parameter else ""
            if found := self._named(given, kind):
                return found
            if mention.kind == "ImportValue" and (found := self._imported(stack.static(mention.value), kind)):
                return found
        text = self._static(value, stack)
        return self._named(text, kind) if isinstance(text, str) else None

    def _resource(self, stack: Stack, logical_id: str) -> NodeId | None:
        node_id = NodeId(stack.template.stack, logical_id)
        if node_id in self.nodes:
            return node_id
        resource = self.by_id.get(node_id)
        if resource and (through := _STAND_FOR.get(resource.type)):
            return self._known(resource.get(through), stack, "function", {})
        return None

    def _imported(self, name: Any, kind: str) -> NodeId | None:
        if name not in self._exports:
            return None
        stack, value = self._exports[name]
        return self._known(value, stack, kind, {})

    @cached_property
    def _exports(self) -> Mapping[str, tuple[Stack, Any]]:
        return {name: (stack, value) for stack in self.stacks.values() for name, value in stack.exports()}

    def _named(self, text: str, kind: str) -> NodeId | None:
        """By physical id or ARN, or by the name that a template gives."""
        if text in self._by_physical_id:
            return self._by_physical_id[text]
        if text.startswith("arn:"):
            parts = text.split(":", 5)
            kinds = _KINDS.get(parts[2], ()) if len(parts) == 6 else ()
            resource = parts[5] if len(parts) == 6 else ""
            if parts[2] == "events" and resource == "event-bus/default":
                return DEFAULT_BUS
            name = resource.replace(":", "/").split("/")
            for possible in (resource, *name[:2], name[-1], resource.removeprefix("log-group:").removesuffix(":*")):
                for each in kinds:
                    if found := self._by_name.get((each, possible)):
                        return found
            return None
        return self._by_name.get((kind, text)) if kind else None

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str], NodeId]:
        return {(node.kind, node.name): node.id for node in self.nodes.values() if node.name}

    @cached_property
    def _by_physical_id(self) -> Mapping[str, NodeId]:
        return {node.physical_id: node.id for node in self.nodes.values() if node.physical_id}

    def _outside(self, text: str) -> NodeId:
        node_id = NodeId("", text)
        kind = "bus" if node_id == DEFAULT_BUS else "external"
        self.external.setdefault(node_id, Node(node_id, kind, "AWS::Events::EventBus" if kind == "bus" else ""))
        return node_id

    def default_bus(self) -> NodeId:
        return self._outside(DEFAULT_BUS.logical_id)

    def _written(self, value: Any, stack: Stack) -> str:
        """A value that only a deployment knows, described by what it names."""
        named = []
        for mention in mentions(value):
            if mention.kind == "ImportValue":
                return str(stack.static(mention.value) or mention.value)
            named.append(f"{mention.name}.{mention.attribute}" if mention.attribute else mention.name)
        return ", ".join(name for name in named if name) or str(value)
