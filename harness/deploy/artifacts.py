"""The local files that a template uses: code, layers, API and state machine definitions, nested templates.

A property that may hold an S3 address may hold a local path instead, relative to the template; `sam deploy` and
`aws cloudformation package` upload it and write the address
(https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html). The harness does the same.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.deploy.interpreters import PYTHON
from harness.deploy.packages import Recipe
from harness.errors import TemplateError, TemplateProblem
from harness.topology import Location, NotStaticError, Scope, Template, evaluate, read_document

Address = Literal["uri", "lambda", "object", "url"]
"""How a property names an object in S3: s3://bucket/key, {S3Bucket, S3Key}, {Bucket, Key}, https://..."""


@dataclass(frozen=True, slots=True)
class ArtifactKind:
    """A property that may hold a local path: what the path points to, and how the property writes an S3 address."""

    property: tuple[str, ...]
    content: Literal["function", "layer", "document", "file", "folder", "template"]
    address: Address


KINDS: Mapping[str, ArtifactKind] = {
    "AWS::Serverless::Function": ArtifactKind(("CodeUri",), "function", "uri"),
    "AWS::Lambda::Function": ArtifactKind(("Code",), "function", "lambda"),
    "AWS::Serverless::LayerVersion": ArtifactKind(("ContentUri",), "layer", "uri"),
    "AWS::Lambda::LayerVersion": ArtifactKind(("Content",), "layer", "lambda"),
    "AWS::Serverless::Api": ArtifactKind(("DefinitionUri",), "document", "uri"),
    "AWS::Serverless::HttpApi": ArtifactKind(("DefinitionUri",), "document", "uri"),
    "AWS::ApiGateway::RestApi": ArtifactKind(("BodyS3Location",), "document", "object"),
    "AWS::ApiGatewayV2::Api": ArtifactKind(("BodyS3Location",), "document", "object"),
    "AWS::Serverless::StateMachine": ArtifactKind(("DefinitionUri",), "document", "uri"),
    "AWS::StepFunctions::StateMachine": ArtifactKind(("DefinitionS3Location",), "document", "object"),
    "AWS::AppSync::GraphQLSchema": ArtifactKind(("DefinitionS3Location",), "file", "uri"),
    "AWS::Glue::Job": ArtifactKind(("Command", "ScriptLocation"), "file", "uri"),
    "AWS::CodeCommit::Repository": ArtifactKind(("Code", "S3"), "folder", "object"),
    "AWS::CloudFormation::Stack": ArtifactKind(("TemplateURL",), "template", "url"),
    "AWS::Serverless::Application": ArtifactKind(("Location",), "template", "url"),
}

_BUILT_BY_MAKE = "Build it with a Makefile (BuildMethod: makefile), or before, and let the property name the result."


@dataclass(frozen=True, slots=True)
class Artifact:
    """A local file or folder that a resource needs in S3. `location` is the place of its address in the template's body."""

    logical_id: str
    location: Location
    address: Address
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class NestedTemplate:
    """A local template that a resource deploys as a nested stack."""

    logical_id: str
    location: Location
    template: Template


@dataclass(frozen=True)
class Localities:
    """A template's body with a list of all its local parts; `body` is a copy that may be changed."""

    body: dict[str, Any]
    artifacts: tuple[Artifact, ...]
    nested: tuple[NestedTemplate, ...]
    problems: tuple[TemplateProblem, ...]


def find_local_parts(template: Template, scope: Scope) -> Localities:
    """Find the template's local files. A missing or unbuildable file is reported as a problem, not raised."""
    return _Finder(template, scope).find()


def effective_properties(template: Template, logical_id: str) -> dict[str, Any]:
    """A SAM resource's properties merged with Globals, as far as building needs it
    (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html)."""
    resource = template.resources[logical_id]
    properties = resource.get("Properties") or {}
    section = resource["Type"].removeprefix("AWS::Serverless::")
    if section == resource["Type"]:
        return dict(properties)
    defaults = template.body.get("Globals", {}).get(section) or {}
    merged = {**defaults, **properties}
    for key in ("Layers",):
        if isinstance(defaults.get(key), list) and isinstance(properties.get(key), list):
            merged[key] = [*defaults[key], *properties[key]]
    return merged


def python_runtimes(template: Template, scope: Scope) -> Iterator[tuple[str, str]]:
    """`(logical id, runtime)` of the functions whose Python runtime is known before deployment."""
    for logical_id, resource in template.resources.items():
        if resource["Type"] in ("AWS::Serverless::Function", "AWS::Lambda::Function"):
            declared = effective_properties(template, logical_id).get("Runtime")
            try:
                runtime = evaluate(declared, scope)
            except NotStaticError:
                continue
            if isinstance(runtime, str) and PYTHON.fullmatch(runtime):
                yield logical_id, runtime


class _Finder:
    def __init__(self, template: Template, scope: Scope) -> None:
        self._template = template
        self._folder = template.path.parent
        self._scope = scope
        self._problems: list[TemplateProblem] = []

    def find(self) -> Localities:
        body = self._included(copy.deepcopy(self._template.body), ())
        artifacts: list[Artifact] = []
        nested: list[NestedTemplate] = []
        for logical_id, resource in self._template.resources.items():
            kind = KINDS.get(resource["Type"])
            if kind is None:
                continue
            value = self._local_path(logical_id, resource, kind)
            if value is None:
                continue
            location: Location = ("Resources", logical_id, "Properties", *kind.property)
            path = (self._folder / value).resolve()
            if not path.exists():
                written = "/".join(kind.property)
                self._problem(location, logical_id, f"{written} {value!r} does not exist ({path}).")
            elif kind.content == "template":
                nested.append(NestedTemplate(logical_id, location, Template(path, logical_id)))
            elif (recipe := self._recipe(logical_id, resource, kind, path)) is not None:
                artifacts.append(Artifact(logical_id, location, kind.address, recipe))
        self._spread_code_uri(body)
        return Localities(body, tuple(artifacts), tuple(nested), tuple(self._problems))

    def _local_path(self, logical_id: str, resource: Mapping[str, Any], kind: ArtifactKind) -> str | None:
        value: Any = effective_properties(self._template, logical_id)
        for key in kind.property:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None and resource["Type"] == "AWS::Serverless::Function":
            properties = effective_properties(self._template, logical_id)
            # As in `sam deploy`: a function without CodeUri has its code next to the template.
            return (
                None
                if {"InlineCode", "ImageUri"} & set(properties) or properties.get("PackageType") == "Image"
                else "."
            )
        if isinstance(value, str) and not value.startswith(("s3://", "http://", "https://")):
            return value
        return None

    def _recipe(self, logical_id: str, resource: Mapping[str, Any], kind: ArtifactKind, path: Path) -> Recipe | None:
        match kind.content:
            case "document":
                return Recipe("document", path) if self._readable(logical_id, path) else None
            case "file":
                return Recipe("file", path)
            case "folder":
                return Recipe("archive", path)
            case "layer":
                return self._layer(logical_id, resource, path)
            case _:
                return self._function(logical_id, resource, path)

    def _readable(self, logical_id: str, path: Path) -> bool:
        try:
            read_document(path)
        except TemplateError as error:
            self._problems.append(TemplateProblem(error.file, error.line, logical_id, error.problem))
            return False
        return True

    def _function(self, logical_id: str, resource: Mapping[str, Any], path: Path) -> Recipe | None:
        properties = effective_properties(self._template, logical_id)
        runtime = self._static(properties.get("Runtime"))
        architecture = self._static(_first(properties.get("Architectures"))) or "x86_64"
        method = self._static((resource.get("Metadata") or {}).get("BuildMethod")) or runtime
        return self._built(logical_id, Recipe("archive", path, runtime=runtime, architecture=architecture), method)

    def _layer(self, logical_id: str, resource: Mapping[str, Any], path: Path) -> Recipe | None:
        metadata = resource.get("Metadata") or {}
        method = self._static(metadata.get("BuildMethod"))
        properties = effective_properties(self._template, logical_id)
        architecture = self._static(
            metadata.get("BuildArchitecture") or _first(properties.get("CompatibleArchitectures"))
        )
        plain = Recipe("archive", path, runtime=method, architecture=architecture or "x86_64")
        if method.startswith("python"):
            return replace(plain, method="python", prefix="python/")
        if method.startswith("nodejs"):
            built = self._built(logical_id, plain, method)
            return built and replace(built, prefix="nodejs/")
        return self._built(logical_id, plain, method) if method else plain

    def _built(self, logical_id: str, plain: Recipe, method: str) -> Recipe | None:
        if plain.source.is_file():
            return plain
        if method == "makefile":
            return replace(plain, method="makefile", make_target=f"build-{logical_id}")
        if method.startswith("python"):
            has_requirements = (plain.source / "requirements.txt").is_file()
            return replace(plain, method="python", runtime=plain.runtime or method) if has_requirements else plain
        if not method and (plain.source / "requirements.txt").is_file():
            location = ("Resources", logical_id, "Properties", "Runtime")
            hint = "Name it, or a parameter that has a value, so that its dependencies can be installed for it."
            self._problem(location, logical_id, "The Runtime cannot be known before deployment.", hint)
            return None
        if method.startswith("nodejs"):
            unbuilt = (plain.source / "package.json").is_file() and not (plain.source / "node_modules").is_dir()
            return replace(plain, method="nodejs") if unbuilt else plain
        declared = (self._template.resources[logical_id].get("Metadata") or {}).get("BuildMethod")
        if declared:
            location = ("Resources", logical_id, "Metadata", "BuildMethod")
            self._problem(location, logical_id, f"BuildMethod {declared!r} is not supported.", _BUILT_BY_MAKE)
            return None
        return plain

    def _static(self, value: Any) -> str:
        try:
            return str(evaluate(value, self._scope) or "")
        except NotStaticError:
            return ""

    def _spread_code_uri(self, body: dict[str, Any]) -> None:
        """Copy CodeUri from Globals to each function: addresses differ, and the transform refuses a local path in Globals."""
        defaults = body.get("Globals", {}).get("Function")
        if isinstance(defaults, dict) and isinstance(defaults.get("CodeUri"), str):
            path = defaults.pop("CodeUri")
            if path.startswith("s3://"):
                defaults["CodeUri"] = path

    def _included(self, value: Any, location: Location) -> Any:
        """Replace `AWS::Include` with the content of local files
        (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-aws-include.html)."""
        if isinstance(value, list):
            return [self._included(item, (*location, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        result = {key: self._included(item, (*location, key)) for key, item in value.items()}
        call = value.get("Fn::Transform")
        if not isinstance(call, dict) or call.get("Name") != "AWS::Include":
            return result
        address = (call.get("Parameters") or {}).get("Location")
        if not isinstance(address, str) or address.startswith(("s3://", "http")):
            return result
        file = (self._folder / address).resolve()
        del result["Fn::Transform"]
        try:
            return {**self._included(read_document(file).body, location), **result}
        except TemplateError as error:
            self._problem(location, _resource(location), f"AWS::Include: {error}")
            return result

    def _problem(self, location: Location, resource: str | None, message: str, hint: str = "") -> None:
        line = self._template.line(*location)
        self._problems.append(TemplateProblem(self._template.path, line, resource, message, hint))


def write_addresses(body: dict[str, Any], places: Mapping[Location, Any]) -> None:
    """Replace the local paths with the addresses."""
    for location, address in places.items():
        inside: Any = body
        for key in location[:-1]:
            inside = inside.setdefault(key, {})
        inside[location[-1]] = address


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value if isinstance(value, str) else None


def _resource(location: Location) -> str | None:
    return str(location[1]) if len(location) > 1 and location[0] == "Resources" else None


ADDRESSES: Mapping[Address, Callable[[str, str, str], Any]] = {
    "uri": lambda bucket, key, _url: f"s3://{bucket}/{key}",
    "lambda": lambda bucket, key, _url: {"S3Bucket": bucket, "S3Key": key},
    "object": lambda bucket, key, _url: {"Bucket": bucket, "Key": key},
    "url": lambda _bucket, _key, url: url,
}
