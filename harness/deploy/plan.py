"""The plan of a stack: everything that the files decide, before the target is queried or changed."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib import metadata
from typing import Any

from harness.deploy.artifacts import Localities, find_local_parts
from harness.deploy.packages import Packer
from harness.engine import Target
from harness.errors import TemplateProblem
from harness.topology import Location, NotStaticError, Scope, Template, evaluate, references

PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in (
        "AccountId", "NoValue", "NotificationARNs", "Partition", "Region", "StackId", "StackName", "URLSuffix"
    )
)  # fmt: skip
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html"""


@dataclass(frozen=True)
class StackPlan:
    """One template on its way to a stack.

    `stack_name` is the name on the target. `given` are the parameters that the caller set, by name; `scope` also has the
    defaults. `packages` maps the location of each local part in the body to the file name of its package. `exports` and
    `imports` hold the names that are known before deployment; `open_exports` and `open_imports` are the locations of the
    others.
    """

    template: Template
    stack_name: str
    given: Mapping[str, str]
    scope: Scope
    parts: Localities
    packages: Mapping[Location, str]
    nested: Mapping[Location, "StackPlan"]
    exports: Mapping[str, Location]
    imports: Mapping[str, Location]
    open_exports: tuple[Location, ...]
    open_imports: tuple[Location, ...]
    digest: str
    is_nested: bool

    @property
    def name(self) -> str:
        return self.template.stack

    def problems(self) -> list[TemplateProblem]:
        """Problems found while reading the template and its local parts."""
        return [*self.parts.problems, *(p for plan in self.nested.values() for p in plan.problems())]

    def with_nested(self) -> Iterable["StackPlan"]:
        yield self
        for plan in self.nested.values():
            yield from plan.with_nested()

    def all_imports(self) -> dict[str, tuple["StackPlan", Location]]:
        return {name: (plan, where) for plan in self.with_nested() for name, where in plan.imports.items()}


def plan_stack(
    template: Template,
    *,
    target: Target,
    given: Mapping[str, str],
    stack_name: str,
    packer: Packer | None,
    is_nested: bool = False,
) -> StackPlan:
    """Read one template with its local files. Raises TemplateError if a file cannot be read.

    Without a packer no code is read. The plan then has names and order, but no packages.
    """
    scope = Scope(template.body, _parameters(template, target, given, stack_name))
    parts = find_local_parts(template, scope)
    nested = {
        part.location: plan_stack(
            part.template,
            target=target,
            given=_nested_parameters(template, part.logical_id, scope),
            stack_name=f"{stack_name}-{part.logical_id}",
            packer=packer,
            is_nested=True,
        )
        for part in parts.nested
    }
    packages = {artifact.location: packer.name(artifact.recipe) for artifact in parts.artifacts} if packer else {}
    exports, open_exports = _exports(template, scope)
    imports, open_imports = imports_of(template.body, scope)
    return StackPlan(
        template=template,
        stack_name=stack_name,
        given=given,
        scope=scope,
        parts=parts,
        packages=packages,
        nested=nested,
        exports=exports,
        imports=imports,
        open_exports=open_exports,
        open_imports=open_imports,
        digest=_digest(parts.body, packages, nested, given),
        is_nested=is_nested,
    )


def _parameters(template: Template, target: Target, given: Mapping[str, str], stack_name: str) -> dict[str, str]:
    defaults = {name: as_text(p["Default"]) for name, p in template.parameters.items() if p.get("Default") is not None}
    return {**pseudo_parameters(target, stack_name), **defaults, **given}


def pseudo_parameters(target: Target, stack_name: str) -> dict[str, str]:
    """The pseudo parameters that are known before the stack exists."""
    china = target.region.startswith("cn-")
    return {
        "AWS::Region": target.region,
        "AWS::AccountId": target.account_id,
        "AWS::Partition": "aws-cn" if china else "aws-us-gov" if target.region.startswith("us-gov-") else "aws",
        "AWS::StackName": stack_name,
        "AWS::URLSuffix": "amazonaws.com.cn" if china else "amazonaws.com",
    }


def as_text(value: Any) -> str:
    """A parameter's value in CloudFormation's form: a string; for a list its items, joined with commas."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(as_text, value)) if isinstance(value, list) else str(value)


def _nested_parameters(template: Template, logical_id: str, scope: Scope) -> dict[str, str]:
    """The parameters of a nested stack whose values are known; the target resolves all of them."""
    known: dict[str, str] = {}
    declared = (template.resources[logical_id].get("Properties") or {}).get("Parameters") or {}
    for name, value in declared.items() if isinstance(declared, dict) else ():
        try:
            known[name] = as_text(evaluate(value, scope))
        except NotStaticError:
            continue
    return known


def _exports(template: Template, scope: Scope) -> tuple[dict[str, Location], tuple[Location, ...]]:
    known: dict[str, Location] = {}
    unknown: list[Location] = []
    for name, output in template.body.get("Outputs", {}).items():
        if not isinstance(output, dict) or not isinstance(output.get("Export"), dict):
            continue
        location: Location = ("Outputs", name, "Export")
        try:
            if "Condition" in output and not evaluate({"Condition": output["Condition"]}, scope):
                continue
            known[str(evaluate(output["Export"].get("Name"), scope))] = location
        except NotStaticError:
            unknown.append(location)
    return known, tuple(unknown)


def imports_of(body: Mapping[str, Any], scope: Scope) -> tuple[dict[str, Location], tuple[Location, ...]]:
    """The exports that a template imports, if their names are known, and the locations of the other imports."""
    known: dict[str, Location] = {}
    unknown: list[Location] = []
    for reference in references(body):
        if reference.kind != "ImportValue":
            continue
        try:
            known.setdefault(str(evaluate(reference.value, scope)), reference.location)
        except NotStaticError:
            unknown.append(reference.location)
    return known, tuple(unknown)


def _digest(
    body: Mapping[str, Any],
    packages: Mapping[Location, str],
    nested: Mapping[Location, StackPlan],
    given: Mapping[str, str],
) -> str:
    """Equal digests mean equal stacks. Only the template's data counts, not its comments and line breaks."""
    content = {
        "version": metadata.version("serverless-harness"),
        "body": body,
        "packages": sorted((list(map(str, location)), name) for location, name in packages.items()),
        "nested": sorted((list(map(str, location)), plan.digest) for location, plan in nested.items()),
        "parameters": dict(given),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:40]


def dependencies(plans: Iterable[StackPlan]) -> dict[str, set[str]]:
    """For each stack, the stacks of the set whose exports it imports."""
    plans = list(plans)
    exporter = {export: plan.name for plan in plans for part in plan.with_nested() for export in part.exports}
    return {
        plan.name: {exporter[name] for name in plan.all_imports() if exporter.get(name, plan.name) != plan.name}
        for plan in plans
    }


def circle(needs: Mapping[str, set[str]]) -> list[str] | None:
    """Stacks that depend on each other in a cycle, the first one repeated at the end; None if there is no cycle."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return None
