"""Checks for everything that would make a deployment fail and is known before it. All problems at once, with file and line."""

import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.deploy.artifacts import effective_properties
from harness.deploy.deployment import tags_of
from harness.deploy.handlers import Handler, handler_problem
from harness.deploy.plan import PSEUDO_PARAMETERS, StackPlan, as_text, circle, dependencies
from harness.deploy.sources import Sources
from harness.errors import TemplateProblem
from harness.topology import NotStaticError, Reference, Template, evaluate, references

_SOURCE_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")


def set_problems(templates: Sequence[Template], parameters: Mapping[str, Mapping[str, str]]) -> list[TemplateProblem]:
    """Problems of the templates as a set that need no reading: their names."""
    found: list[TemplateProblem] = []
    for name, count in Counter(template.stack for template in templates).items():
        for template in templates if count > 1 else ():
            if template.stack == name:
                others = ", ".join(str(t.path) for t in templates if t.stack == name and t is not template)
                hint = "Put each template into a separate folder."
                found.append(
                    TemplateProblem(template.path, 1, None, f"The stack {name} is also that of {others}.", hint)
                )
    known = [template.stack for template in templates]
    for name in parameters:
        if name not in known and templates:
            message = f"Parameters are given for the stack {name!r}, which no template has."
            found.append(TemplateProblem(templates[0].path, 1, None, message, _meant(name, known)))
    return found


def parameter_problems(plan: StackPlan) -> Iterator[TemplateProblem]:
    """Parameters without a value, values without a parameter, and values that the template does not allow."""
    template, declared = plan.template, plan.template.parameters
    for name in plan.given:
        if name not in declared:
            message = f"A value is given for the parameter {name!r}, which the template does not have."
            yield TemplateProblem(template.path, template.line("Parameters"), None, message, _meant(name, declared))
    for name, parameter in declared.items():
        line = template.line("Parameters", name)
        if name not in plan.given and parameter.get("Default") is None:
            hint = f'Give it one: [tool.harness.parameters.{plan.name}] {name} = "...", or a Default in the template.'
            yield TemplateProblem(
                template.path, line, None, f"The parameter {name} has neither a value nor a Default.", hint
            )
            continue
        value = plan.scope.parameters.get(name, "")
        allowed = parameter.get("AllowedValues")
        if isinstance(allowed, list) and value not in map(as_text, allowed):
            listed = ", ".join(map(as_text, allowed))
            yield TemplateProblem(
                template.path, line, None, f"The parameter {name} may not be {value!r}.", f"Allowed: {listed}."
            )
        pattern = parameter.get("AllowedPattern")
        if isinstance(pattern, str) and not _matches(pattern, value):
            yield TemplateProblem(
                template.path, line, None, f"The parameter {name} may not be {value!r}.", f"Pattern: {pattern}."
            )


def order_problems(plans: Sequence[StackPlan]) -> Iterator[TemplateProblem]:
    """Exports that two stacks claim, and stacks that depend on each other in a cycle."""
    owners: dict[str, StackPlan] = {}
    for plan in plans:
        for part in plan.with_nested():
            for export, location in part.exports.items():
                other = owners.setdefault(export, plan)
                if other is not plan:
                    message = f"The export {export!r} is also one of the stack {other.name}."
                    hint = "An export's name is unique in an account and region."
                    yield TemplateProblem(part.template.path, part.template.line(*location), None, message, hint)
    needs = dependencies(plans)
    if (names := circle(needs)) is None:
        return
    plan = next(plan for plan in plans if plan.name == names[0])
    exported = {
        export for other in plans if other.name == names[1] for part in other.with_nested() for export in part.exports
    }
    part, where = next(place for name, place in plan.all_imports().items() if name in exported)
    message = f"The stacks need one another's exports in a circle: {' → '.join(names)}."
    hint = "Move what both need into a separate stack, or pass one value as a parameter."
    yield TemplateProblem(part.template.path, part.template.line(*where), None, message, hint)


def import_problems(plan: StackPlan, exported: Collection[str]) -> Iterator[TemplateProblem]:
    """Imports that neither another template nor the target exports."""
    for name, (part, location) in plan.all_imports().items():
        if name not in exported:
            message = f"Fn::ImportValue {name!r}: no template of this set and no stack on the target exports it."
            resource = str(location[1]) if location[0] == "Resources" else None
            yield TemplateProblem(
                part.template.path, part.template.line(*location), resource, message, _meant(name, exported)
            )


def export_problems(
    plans: Sequence[StackPlan], changed: Sequence[StackPlan], there: Mapping[str, str]
) -> Iterator[TemplateProblem]:
    """Exports that a stack outside of this set has already; `there` maps each export to its stack's name.

    AWS refuses the second export. LocalStack 4.14.0 lets it take over the name, and the importers of the first stack.
    """
    parts = [part for plan in plans for part in plan.with_nested()]
    for plan in changed:
        for part in plan.with_nested():
            for export, location in part.exports.items():
                other = there.get(export)
                if other is None or any(_is_stack_of(known, other) for known in parts):
                    continue
                message = f"The export {export!r} already belongs to the stack {other}, which is not in this set."
                hint = (
                    "An export's name is unique in an account and region. Make it of a parameter "
                    f"(!Sub ${{Application}}-...), and give that another value: [tool.harness.parameters.{plan.name}], or "
                    "name_parameter in [tool.harness] for several deployments in one account."
                )
                yield TemplateProblem(part.template.path, part.template.line(*location), None, message, hint)


def _is_stack_of(plan: StackPlan, stack_name: str) -> bool:
    """CloudFormation names a nested stack after its parent and its resource, with a random suffix."""
    return stack_name == plan.stack_name or (plan.is_nested and stack_name.startswith(f"{plan.stack_name}-"))


def owner_problems(
    plans: Sequence[StackPlan], running: Mapping[str, Mapping[str, Any] | None], tags: Mapping[str, str]
) -> Iterator[TemplateProblem]:
    """Stacks of another deployment with our names."""
    for plan in plans:
        stack = running[plan.name]
        # A stack that so far consists of a change set has no tags and no resources.
        if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS" or tags.items() <= tags_of(stack).items():
            continue
        lacks = ", ".join(f"{key}={value}" for key, value in tags.items() if tags_of(stack).get(key) != value)
        message = f"The stack {plan.stack_name} runs already and is not of this deployment: it does not carry {lacks}."
        hint = "Deploy under another name, or delete that stack if it is yours."
        yield TemplateProblem(plan.template.path, 1, None, message, hint)


def type_problems(plan: StackPlan, transformed: Mapping[str, Any], known: Collection[str]) -> Iterator[TemplateProblem]:
    """Resources of types that the target does not support. LocalStack would report them as created."""
    for logical_id, resource in transformed.get("Resources", {}).items():
        kind = resource.get("Type", "") if isinstance(resource, dict) else ""
        served = kind in known or kind.startswith("Custom::")
        if not kind or (served and not _is_http_api(resource)):
            continue
        origin = origin_of(plan.template, logical_id)
        line = plan.template.line("Resources", *([origin] if origin else []))
        made = "" if origin == logical_id else f" (SAM makes {logical_id} of it)"
        if served:
            message = f"The target serves no HTTP APIs: {kind} with ProtocolType HTTP{made}."
            hint = "Use a REST API (AWS::Serverless::Api) for requests over HTTP."
        else:
            message, hint = f"The target does not support the resource type {kind}{made}.", _instead_of(kind, known)
        yield TemplateProblem(plan.template.path, line, origin or logical_id, message, hint)


def _instead_of(kind: str, known: Collection[str]) -> str:
    """What to do about a type. Types of other services are no suggestion: AWS has groups in six of them."""
    alike = [one for one in known if _is_typing_error(kind.split("::"), one.split("::"))]
    return _meant(kind, alike) or "Remove the resource, or give it a Condition that is false here."


def _is_typing_error(given: Sequence[str], known: Sequence[str]) -> bool:
    """Whether each part of two types is alike."""
    return len(given) == len(known) and all(
        difflib.SequenceMatcher(None, mine.lower(), theirs.lower()).ratio() >= 0.75
        for mine, theirs in zip(given, known, strict=True)
    )


def _is_http_api(resource: Mapping[str, Any]) -> bool:
    """HTTP APIs and WebSocket APIs share one type, of which our engines serve only WebSocket APIs; an OpenAPI body makes
    an HTTP API."""
    properties = resource.get("Properties") or {}
    return resource["Type"] == "AWS::ApiGatewayV2::Api" and (
        properties.get("ProtocolType") == "HTTP" or bool({"Body", "BodyS3Location"} & set(properties))
    )


Ignored = Mapping[str, Mapping[str, Collection[Any]]]
"""By resource type and property: what has no effect on a target, with the values that match its behaviour anyway."""


def ignored_problems(
    plan: StackPlan, transformed: Mapping[str, Any], ignored: Ignored, accepted: Collection[str]
) -> Iterator[TemplateProblem]:
    """Properties that the target would accept and ignore: their effect would be missing, and no test would show it.
    `accepted` are properties that the project does not need, such as `AWS::S3::Bucket.ReplicationConfiguration`."""
    for logical_id, resource in transformed.get("Resources", {}).items():
        kind = resource.get("Type", "") if isinstance(resource, dict) else ""
        properties = resource.get("Properties") or {} if kind in ignored else {}
        origin = origin_of(plan.template, logical_id)
        for name in properties.keys() & ignored.get(kind, {}).keys() if isinstance(properties, dict) else ():
            value, setting = properties[name], f"{kind}.{name}"
            if _plain(value) in (*ignored[kind][name], {"Ref": "AWS::NoValue"}) or setting in accepted:
                continue
            declared = plan.template.resources.get(origin or "", {}).get("Properties") or {}
            place = ("Resources", origin, "Properties", name) if origin and name in declared else ()
            line = plan.template.line(*(place or ("Resources", *([origin] if origin else []))))
            made = "" if origin == logical_id else f" of {logical_id}, which SAM makes of it,"
            message = f"{name}{made} has no effect here: the target takes an {kind} without it."
            hint = f'Leave it out, or do without it here: [tool.harness] accept_ignored = ["{setting}"].'
            yield TemplateProblem(plan.template.path, line, origin or logical_id, message, hint)


def _plain(value: Any) -> Any:
    """The value with booleans that a template writes as text converted to booleans, at any depth."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def reference_problems(template: Template, generated: Iterable[str]) -> Iterator[TemplateProblem]:
    """Ref, Fn::GetAtt, Fn::Sub, DependsOn, Condition and Fn::FindInMap with a name that the template does not have.

    `generated` are the logical ids that SAM adds.
    """
    if any(key.startswith("Fn::ForEach::") for key in template.body["Resources"]):
        return  # the target resolves its loop variables and generated ids
    resources = {*template.resources, *generated}
    named = {*resources, *template.parameters, *PSEUDO_PARAMETERS}
    known: Mapping[str, Collection[str]] = {
        "Ref": named,
        "GetAtt": resources,
        "DependsOn": resources,
        "Condition": template.body.get("Conditions", {}),
        "FindInMap": template.body.get("Mappings", {}),
    }
    for reference in references(template.body):
        if reference.kind == "ImportValue" or reference.name in known[reference.kind]:
            continue
        if reference.kind == "Ref" and _sam_attribute(reference.name, template):
            continue
        yield _unresolved(reference, template, known[reference.kind])


def _sam_attribute(name: str, template: Template) -> bool:
    """SAM's `Ref: Function.Version`
    (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html)."""
    logical_id, dot, _attribute = name.partition(".")
    resource = template.resources.get(logical_id)
    return bool(dot) and resource is not None and resource["Type"].startswith("AWS::Serverless::")


def _unresolved(reference: Reference, template: Template, known: Collection[str]) -> TemplateProblem:
    what = {"Condition": "condition", "FindInMap": "mapping", "Ref": "resource or parameter"}.get(
        reference.kind, "resource"
    )
    function = {"GetAtt": "Fn::GetAtt", "FindInMap": "Fn::FindInMap"}.get(reference.kind, reference.kind)
    if "Fn::Sub" in reference.location:
        function = "Fn::Sub"
    resource = str(reference.location[1]) if reference.location[0] == "Resources" else None
    message = f"{function} {reference.name!r}: the template has no such {what}."
    return TemplateProblem(
        template.path, template.line(*reference.location), resource, message, _meant(reference.name, known)
    )


def handler_problems(plan: StackPlan, sources: Sources) -> Iterator[TemplateProblem]:
    """Handlers whose file or function is missing from the code."""
    template = plan.template
    recipes = {artifact.logical_id: artifact.recipe for artifact in plan.parts.artifacts}
    for logical_id, resource in template.resources.items():
        recipe = recipes.get(logical_id)
        if resource["Type"] not in _SOURCE_FUNCTIONS or recipe is None or recipe.method == "makefile":
            continue
        properties = effective_properties(template, logical_id)
        try:
            name = evaluate(properties.get("Handler"), plan.scope)
        except NotStaticError:
            continue
        line = template.line("Resources", logical_id, "Properties", "Handler")
        if not name:
            if not recipe.runtime.startswith("provided"):
                hint = "Name the file and the function in it: 'app.handler'."
                yield TemplateProblem(template.path, line, logical_id, "The function has no Handler.", hint)
                continue
            name = "bootstrap"
        layers, complete = _local_layers(properties.get("Layers"), plan)
        handler = Handler(str(name), recipe.runtime, recipe.source, layers, complete)
        if (message := handler_problem(handler, sources)) is not None:
            yield TemplateProblem(template.path, line, logical_id, message)


def _local_layers(declared: Any, plan: StackPlan) -> tuple[list[Path], bool]:
    """The folders of a function's layers in this template, and whether the function has no other layers."""
    folders: list[Path] = []
    complete = True
    recipes = {artifact.logical_id: artifact.recipe for artifact in plan.parts.artifacts}
    for layer in declared if isinstance(declared, list) else [declared] if declared else []:
        recipe = recipes.get(layer.get("Ref", "")) if isinstance(layer, dict) else None
        if recipe is None or recipe.method in ("makefile", "nodejs") or recipe.source.is_file():
            complete = False
        else:
            # Building puts a layer's files below python/, where the interpreter searches; an unbuilt one has that folder already.
            folders.append(recipe.source if recipe.prefix else recipe.source / "python")
    return folders, complete


def origin_of(template: Template, logical_id: str) -> str | None:
    """The source resource that a resource of the transformed template comes from.

    SAM names a generated resource after its source: `ListUsers` gets `ListUsersRole`.
    """
    resources = template.resources
    if logical_id in resources:
        return logical_id
    begins = [name for name in resources if logical_id.startswith(name)]
    if begins:
        return max(begins, key=len)
    for prefix, event_type in (("ServerlessRestApi", "Api"), ("ServerlessHttpApi", "HttpApi")):
        if logical_id.startswith(prefix):
            return next((name for name in resources if _has_event(resources[name], event_type)), None)
    return None


def _has_event(resource: Mapping[str, Any], event_type: str) -> bool:
    events = (resource.get("Properties") or {}).get("Events") or {}
    return any(isinstance(event, dict) and event.get("Type") == event_type for event in events.values())


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True  # a Java pattern that Python cannot compile: the target decides


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(dict.fromkeys(known)), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else ""
