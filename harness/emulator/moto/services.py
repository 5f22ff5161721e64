"""Makes a LocalStack service of one that moto serves.

A service passes the operations that it serves to `moto_service`; moto serves the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import moto.backends
from localstack.aws.api import RequestContext
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.services.moto import _proxy_moto
from localstack.services.plugins import Service
from localstack.state import StateVisitor

Handler = Callable[[RequestContext, Any], Any]
"""Serves one operation: takes the request as boto3 names its parameters, returns the response in the same form."""


@dataclass(frozen=True, slots=True)
class MotoState:
    """The state of a service in moto's backend, so that a reset finds it."""

    service: str

    def accept_state_visitor(self, visitor: StateVisitor) -> None:
        visitor.visit(moto.backends.get_backend(self.service))


def moto_service(name: str, ours: Mapping[str, Handler] | None = None) -> Service:
    """A LocalStack service over moto; the emulator serves the operations in `ours`.

    Raises LookupError for an operation that the service's model does not have.
    """
    model = load_service(name)
    handlers = ours or {}
    if unknown := set(handlers) - set(model.operation_names):
        raise LookupError(f"{name} has no operation {', '.join(sorted(unknown))}; its service model has changed")
    operations = {operation: handlers.get(operation, _proxy_moto) for operation in model.operation_names}
    service = Service(name=name, skeleton=Skeleton(model, operations))
    service._provider = MotoState(name)
    return service
