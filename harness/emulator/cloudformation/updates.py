"""How an existing resource is changed, for the types that LocalStack's providers only create and delete."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

from harness.emulator.cloudformation.resource_type import Model


@dataclass(frozen=True)
class Update:
    """One resource to change. `after` is what the template says now, with the identifiers and attributes that the
    resource has been given; a change may add to it."""

    provider: ResourceProvider
    request: ResourceRequest
    before: Model
    after: Model

    def client(self, service: str) -> Any:
        return getattr(self.request.aws_client_factory, service)

    def changes(self, *properties: str) -> bool:
        """Whether one of these is another than before."""
        return any(self.before.get(name) != self.after.get(name) for name in properties)

    def gone(self, name: str) -> bool:
        return name in self.before and name not in self.after


@dataclass(frozen=True)
class TypeUpdate:
    """How a type is changed. `given` are properties that the provider makes up where the template has none; what is not
    among `takes` cannot be changed (None: whatever its creation takes).

    `completes` are properties that LocalStack leaves out when it creates the resource; `complete` makes them, then and
    after a change. Without one the change itself does, since a creation without them is a resource to change."""

    make: Callable[[Update], None]
    given: frozenset[str] = frozenset()
    takes: frozenset[str] | None = None
    completes: frozenset[str] = frozenset()
    complete: Callable[[Update], None] | None = None


CHANGES: dict[str, TypeUpdate] = {}
"""By resource type (`known_types`). What else LocalStack cannot change is refused with a reason."""


class _Schema:
    def __init__(self, provider: ResourceProvider) -> None:
        self._schema: Mapping[str, Any] = provider.SCHEMA

    @cached_property
    def identity(self) -> frozenset[str]:
        """The properties that a resource keeps as long as it is the same."""
        paths = [path for key in _IDENTITY for path in self._schema.get(key, ())]
        return frozenset(path.removeprefix("/properties/").partition("/")[0] for path in paths)


_IDENTITY = ("primaryIdentifier", "createOnlyProperties", "readOnlyProperties")


def updated(provider: ResourceProvider, request: ResourceRequest) -> ProgressEvent:
    """Change a resource whose provider cannot."""
    change = CHANGES.get(request.resource_type)
    before, after = dict(request.previous_state or {}), dict(request.desired_state)
    identity = _Schema(provider).identity
    given = change.given if change is not None else frozenset()
    after = {**{k: v for k, v in before.items() if k in identity | given and k not in after}, **after}
    changed = {k for k in {*before, *after} if k not in identity and before.get(k) != after.get(k)}
    if not changed:
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=after)
    stuck = changed if change is None else changed - change.takes if change.takes is not None else set()
    if change is None or stuck:
        return failed(
            request,
            f"{', '.join(sorted(stuck))} cannot be changed here of a resource that is there. Start afresh ('harness down', "
            "'harness up'), or give the resource another logical id, which makes a new one.",
        )
    try:
        update = Update(provider, request, before, after)
        change.make(update)
        if change.complete is not None:
            change.complete(update)
    except ClientError as error:
        return failed(request, str(error), error)
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=after)


def created(provider: ResourceProvider, request: ResourceRequest, event: ProgressEvent) -> ProgressEvent:
    """Set the properties of a created resource that its provider ignored."""
    change, model = CHANGES.get(request.resource_type), event.resource_model
    if change is None or event.status is not OperationStatus.SUCCESS or not change.completes & (model or {}).keys():
        return event
    before = {name: value for name, value in model.items() if name not in change.completes}
    try:
        (change.complete or change.make)(Update(provider, request, before, dict(model)))
    except ClientError as error:
        return failed(request, str(error), error)
    return event


def failed(request: ResourceRequest, why: str, error: Exception | None = None) -> ProgressEvent:
    """The answer of a resource that stays as it was."""
    return ProgressEvent(
        status=OperationStatus.FAILED,
        resource_model=request.previous_state or {},
        message=why,
        custom_context={"exception": error} if error is not None else {},
    )
