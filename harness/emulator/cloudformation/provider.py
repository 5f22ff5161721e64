"""A CloudFormation resource provider made from a row of data."""

import secrets
import string
from typing import Any

import jmespath
from botocore.exceptions import ClientError
from botocore.model import StructureShape
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)
from plux import PluginSpec

from harness.emulator.cloudformation.parameters import PropertyError, as_parameters
from harness.emulator.cloudformation.resource_type import Model, ResourceOperation, ResourceType

_SUFFIX = string.ascii_uppercase + string.digits


def provider_of(row: ResourceType) -> type[ResourceProvider]:
    """The provider class of a resource type."""

    class TableDrivenProvider(ResourceProvider):
        TYPE = row.name
        # The engine reads the schema for Ref and for the properties that need a new resource.
        SCHEMA = {  # noqa: RUF012 - LocalStack's own interface
            "typeName": row.name,
            "primaryIdentifier": [f"/properties/{row.ref}"],
            "createOnlyProperties": [f"/properties/{name}" for name in sorted(row.replaced_by)],
            "readOnlyProperties": [f"/properties/{name}" for name in sorted(row.computed)],
        }

        def create(self, request: ResourceRequest) -> ProgressEvent:
            return _answer(request, lambda: _create(row, request))

        def update(self, request: ResourceRequest) -> ProgressEvent:
            return _answer(request, lambda: _update(row, request))

        def delete(self, request: ResourceRequest) -> ProgressEvent:
            return _answer(request, lambda: _delete(row, request))

    TableDrivenProvider.__name__ = f"{row.name.replace('::', '')}Provider"
    return TableDrivenProvider


def plugin_of(row: ResourceType) -> PluginSpec:
    """What the entry point of a resource type refers to."""

    class TableDrivenPlugin(CloudFormationResourceProviderPlugin):
        name = row.name

        def load(self) -> None:
            self.factory = provider_of(row)

    return PluginSpec(CloudFormationResourceProviderPlugin.namespace, row.name, TableDrivenPlugin)


def _answer(request: ResourceRequest, act: Any) -> ProgressEvent:
    try:
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=act())
    except (PropertyError, ClientError) as error:
        where = f"{request.logical_resource_id} ({request.resource_type})"
        return ProgressEvent(
            status=OperationStatus.FAILED,
            resource_model=request.previous_state or {},
            message=f"{where}: {error}",
            custom_context={"exception": error},
        )


def _client(row: ResourceType, request: ResourceRequest) -> Any:
    return getattr(request.aws_client_factory, row.service.replace("-", "_"))


def _call(client: Any, operation: ResourceOperation, parameters: Model) -> Model:
    python_name = next(k for k, v in client.meta.method_to_api_mapping.items() if v == operation.name)
    answer: Model = getattr(client, python_name)(**parameters)
    return answer


def _shape(client: Any, operation: ResourceOperation) -> StructureShape:
    shape = client.meta.service_model.operation_model(operation.name).input_shape
    assert isinstance(shape, StructureShape)
    return shape


def _parameters(row: ResourceType, client: Any, properties: Model) -> Model:
    """The properties as parameters of the create operation, each known and of its type."""
    reshaped = row.reshape(dict(properties)) if row.reshape else dict(properties)
    given = {row.renames.get(k, k): v for k, v in reshaped.items() if k not in row.extra}
    if misnamed := sorted(set(row.renames.values()) & set(reshaped) - set(row.renames)):
        names = ", ".join(
            f"{parameter} (it is {prop})" for prop, parameter in row.renames.items() if parameter in misnamed
        )
        raise PropertyError(f"unknown property {names}")
    return as_parameters(_shape(client, row.create), given)


def _create(row: ResourceType, request: ResourceRequest) -> Model:
    client = _client(row, request)
    model = dict(request.desired_state)
    if row.generated_name and not model.get(row.generated_name):
        model[row.generated_name] = _generated_name(row, request)
    answer = _call(client, row.create, _parameters(row, client, model))
    model |= {name: jmespath.search(path, answer) for name, path in row.attributes.items()}
    model = {k: v for k, v in model.items() if v is not None}
    try:
        return _finished(row, request, client, None, model)
    except (PropertyError, ClientError):
        # CloudFormation knows nothing of a resource whose creation failed, and would leave it there.
        _remove(row, client, model)
        raise


def _generated_name(row: ResourceType, request: ResourceRequest) -> str:
    suffix = "".join(secrets.choice(_SUFFIX) for _ in range(12))
    lengths = (5, 5) if row.short_name else (60, 50)
    parts = (
        name[:length].strip("-")
        for name, length in zip((request.stack_name, request.logical_resource_id), lengths, strict=True)
    )
    return "-".join((*parts, suffix))


def _update(row: ResourceType, request: ResourceRequest) -> Model:
    client = _client(row, request)
    before = dict(request.previous_state or {})
    after = dict(request.desired_state)
    if row.generated_name and not after.get(row.generated_name):
        after[row.generated_name] = before[row.generated_name]
    parameters = _parameters(row, client, after)
    takes = set(_shape(client, row.update).members) if row.update else set()
    elsewhere = row.computed | row.extra | row.finish_updates
    changed = {k for k in set(before) | set(after) if before.get(k) != after.get(k)} - elsewhere
    if stuck := sorted(k for k in changed if row.renames.get(k, k) not in takes):
        # What Cognito's own handlers say, UserPool's UsernameAttributes for one.
        raise PropertyError(f"Updates are not allowed for property - {', '.join(stuck)}.")
    after |= {name: before[name] for name in row.computed if name in before}
    if row.update is not None:
        given = {k: v for k, v in parameters.items() if k in takes}
        identifiers = {parameter: after[source] for parameter, source in row.update.identifiers.items()}
        _call(client, row.update, {**given, **identifiers})
    return _finished(row, request, client, before, after)


def _finished(row: ResourceType, request: ResourceRequest, client: Any, before: Model | None, after: Model) -> Model:
    if row.complete and before is None:
        after = row.complete(after, request.account_id, request.region_name)
    if row.finish:
        row.finish(client, before, after)
    return after


def _delete(row: ResourceType, request: ResourceRequest) -> Model:
    _remove(row, _client(row, request), request.previous_state or request.desired_state)
    return {}


def _remove(row: ResourceType, client: Any, model: Model) -> None:
    parameters = {parameter: model[source] for parameter, source in row.delete.identifiers.items() if source in model}
    if len(parameters) < len(row.delete.identifiers):
        return  # its creation failed: there is nothing to remove
    try:
        _call(client, row.delete, {**parameters, **row.delete.constants})
    except ClientError as error:
        if error.response["Error"]["Code"] not in row.gone:
            raise
