"""The resources of templates as they will be deployed, each part with its line in the template as it was written.

SAM is expanded here, not with AWS's translator: the translator's output has lost its source, and an explanation must name
a line of the file that the user edits. Only the parts that connect resources are expanded (events, failure queues,
routes), under the logical ids that the translator generates
(https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.topology.document import Location
from harness.topology.intrinsics import NotStaticError, Scope, evaluate
from harness.topology.nodes import NodeId
from harness.topology.template import Template

_PSEUDO = {
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}
_NO_VALUE = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True)
class TemplateResource:
    """A resource in CloudFormation's form. In `properties`, conditions (Fn::If) are resolved if parameters decide them."""

    template: Template
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    location: Location
    """Its declaration: ("Resources", "Function"), or the event of a SAM function that it is generated from."""
    moved: Mapping[str, Location] = field(default_factory=dict)
    """The location of properties that SAM writes elsewhere or under another name."""

    @property
    def id(self) -> NodeId:
        return NodeId(self.template.stack, self.logical_id)

    def place(self, *path: str | int) -> Location:
        """The location of a property in the template."""
        if path and isinstance(path[0], str) and path[0] in self.moved:
            return (*self.moved[path[0]], *path[1:])
        return (*self.location, "Properties", *path)

    def line(self, *path: str | int) -> int:
        return self.template.line(*self.place(*path)) if path else self.template.line(*self.location)

    def mapping(self, *path: str | int) -> Mapping[str, Any]:
        """The mapping at a path; an empty one if the value is not a mapping."""
        return mapping(self.get(*path))

    def mappings(self, *path: str | int) -> list[tuple[int, Mapping[str, Any]]]:
        """The mappings in the list at a path, with their indexes."""
        return mappings(self.get(*path))

    def get(self, *path: str | int, default: Any = None) -> Any:
        """A property by its path; `default` if it does not exist."""
        value: Any = self.properties
        for key in path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return default
        return value


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one.

    cfn-lint and the deployment report invalid values; the graph uses what it can interpret.
    """
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """The mappings in a list, with their indexes."""
    return [(index, each) for index, each in enumerate(listed(value)) if isinstance(each, Mapping)]


def listed(value: Any) -> list[Any]:
    """The value if it is a list, else a list of that value; an empty list for None."""
    return value if isinstance(value, list) else [] if value is None else [value]


@dataclass(frozen=True)
class Stack:
    """A template with the parameters of its deployment."""

    template: Template
    parameters: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def scope(self) -> Scope:
        declared = {
            name: str(parameter["Default"])
            for name, parameter in self.template.parameters.items()
            if "Default" in parameter
        }
        stack = {"AWS::StackName": self.template.stack, "AWS::StackId": f"stack/{self.template.stack}"}
        return Scope(self.template.body, {**_PSEUDO, **stack, **declared, **self.parameters})

    def static(self, value: Any) -> Any:
        """The value if it is known without deploying, else None."""
        try:
            return evaluate(value, self.scope)
        except NotStaticError:
            return None

    def decided(self, value: Any) -> Any:
        """The value with each Fn::If replaced by its branch if the parameters decide, and without AWS::NoValue."""
        if isinstance(value, list):
            return [item for each in value if (item := self.decided(each)) != _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and isinstance(branches := value.get("Fn::If"), list) and len(branches) == 3:
            holds = self.static({"Condition": branches[0]})
            return value if holds is None else self.decided(branches[1] if holds else branches[2])
        return {key: item for key, each in value.items() if (item := self.decided(each)) != _NO_VALUE}

    @cached_property
    def declared(self) -> Mapping[str, TemplateResource]:
        """The template's resources by logical id, without those whose condition is false."""
        found = {}
        for logical_id, body in self.template.resources.items():
            condition = body.get("Condition")
            if isinstance(condition, str) and self.static({"Condition": condition}) is False:
                continue
            if logical_id.startswith("Fn::ForEach::"):
                continue
            properties = body.get("Properties")
            found[logical_id] = TemplateResource(
                self.template,
                logical_id,
                str(body["Type"]),
                self.decided(properties) if isinstance(properties, dict) else {},
                ("Resources", logical_id),
            )
        return found

    def exports(self) -> Iterator[tuple[str, Any]]:
        """The names under which other stacks import values, with the values."""
        for output in self.template.body.get("Outputs", {}).values():
            if isinstance(output, dict) and isinstance(export := output.get("Export"), dict):
                name = self.static(export.get("Name"))
                if isinstance(name, str):
                    yield name, output.get("Value")
