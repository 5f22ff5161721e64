"""A template and the name of its stack."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import TemplateError
from harness.topology.document import Document, read_document


@dataclass(frozen=True)
class Template:
    """A SAM or CloudFormation template; its file is read when its content is first needed."""

    path: Path
    stack: str

    @cached_property
    def document(self) -> Document:
        """The content with its lines. Raises TemplateError."""
        document = read_document(self.path)
        resources = document.body.get("Resources")
        if not isinstance(resources, dict) or not resources:
            raise TemplateError(
                self.path, document.line("Resources"), 1, "a template needs Resources, and at least one"
            )
        for logical_id, resource in resources.items():
            if logical_id.startswith("Fn::ForEach::"):
                continue
            if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
                line = document.line("Resources", logical_id)
                raise TemplateError(self.path, line, 1, f"the resource {logical_id} has no Type")
        for section in ("Parameters", "Outputs", "Conditions", "Mappings", "Globals"):
            if not isinstance(document.body.get(section, {}), dict):
                raise TemplateError(self.path, document.line(section), 1, f"{section} must be a mapping")
        return document

    @property
    def body(self) -> dict[str, Any]:
        return self.document.body

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """By logical id, without `Fn::ForEach` loops: the target unrolls them."""
        return {key: value for key, value in self.body["Resources"].items() if isinstance(value, dict)}

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        return {key: value for key, value in self.body.get("Parameters", {}).items() if isinstance(value, dict)}

    @property
    def transforms(self) -> tuple[str, ...]:
        """The macros that the template names, including SAM's."""
        declared = self.body.get("Transform", [])
        listed = declared if isinstance(declared, list) else [declared]
        return tuple(item if isinstance(item, str) else str(item.get("Name")) for item in listed)

    def line(self, *location: str | int) -> int:
        return self.document.line(*location)
