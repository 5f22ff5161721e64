"""Looks up rows: a service by its names, a kind of resource by its type."""

from collections.abc import Iterator, Mapping

from harness.aws import (
    analytics,
    application_integration,
    compute,
    customer_engagement,
    database,
    developer_tools,
    management,
    networking,
    others,
    security,
    storage,
)
from harness.aws.model import ResourceKind, Service

_CATEGORIES = (
    compute,
    application_integration,
    analytics,
    networking,
    storage,
    database,
    security,
    management,
    customer_engagement,
    developer_tools,
    others,
)

SERVICES: Mapping[str, Service] = {row.name: row for category in _CATEGORIES for row in category.SERVICES}
"""By boto3's name."""


def kinds() -> Iterator[tuple[Service, ResourceKind]]:
    for row in SERVICES.values():
        for kind in row.resources:
            yield row, kind


KINDS: Mapping[str, ResourceKind] = {row.kind: row for _, row in reversed([*kinds()]) if row.kind}
"""By the topology's name; if several rows have the same kind, the first."""
TYPES: Mapping[str, ResourceKind] = {type_: row for _, row in kinds() for type_ in row.types}
"""By CloudFormation's name of the type."""
_UNKNOWN = Service("")
_BY_TYPE = {type_: service.name for service, row in kinds() for type_ in row.types}
_BY_CLOUDFORMATION = {name: row.name for row in SERVICES.values() for name in row.cloudformation}
_BY_SDK_ID = {row.sdk_id.replace(" ", "").lower(): row.name for row in SERVICES.values() if row.sdk_id}
_BY_PREFIX = {row.iam_prefix: row.name for row in reversed([*SERVICES.values()])}


def service(name: str) -> Service:
    """The row of a service by boto3's name; an empty row for an unknown service."""
    return SERVICES.get(name, _UNKNOWN)


def of_prefix(prefix: str) -> Service:
    """The row of the service whose IAM actions and ARNs begin with this prefix; if several do, the most common service."""
    return service(prefix if prefix in SERVICES else _BY_PREFIX.get(prefix, ""))


def title(name: str) -> str:
    """The display name of a service, by boto3's name."""
    return service(name).title or name


def service_of_type(resource_type: str) -> str | None:
    """boto3's name of the service that serves a resource type of AWS; None for third-party types and types of the template.

    For a type without a row, the name is the second part of the type in lower case.
    """
    publisher, _, rest = resource_type.partition("::")
    part = rest.partition("::")[0]
    if publisher != "AWS" or not part:
        return None
    return _BY_TYPE.get(resource_type) or _BY_CLOUDFORMATION.get(part, part.lower())


def service_of_sdk_id(sdk_id: str) -> str:
    """boto3's name of a service, by its SDK id written as one word: `sfn`, `cognitoidentityprovider`."""
    return _BY_SDK_ID.get(sdk_id.lower(), sdk_id)


def main_kind(name: str) -> ResourceKind | None:
    """The kind of resource that represents a service, by boto3's name."""
    row = service(name)
    return KINDS.get(row.main_kind) or next((kind for kind in row.resources if kind.kind), None)
