"""Services that moto serves, as LocalStack plugins.

A service with operations of its own gives them to `moto_service`, and the rest still goes to moto.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import moto.backends
from localstack.aws.api import RequestContext
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.services.moto import _proxy_moto
from localstack.services.plugins import Service, aws_provider
from localstack.state import StateVisitor

from harness.emulator import mail_identities

Handler = Callable[[RequestContext, Any], Any]
"""Serves one operation: takes the request as boto3 names its parameters, returns the response likewise."""


@dataclass(frozen=True, slots=True)
class MotoState:
    """The state of a service in moto's backend, so that a reset finds it."""

    service: str

    def accept_state_visitor(self, visitor: StateVisitor) -> None:
        visitor.visit(moto.backends.get_backend(self.service))


def moto_service(name: str, ours: Mapping[str, Handler] | None = None) -> Service:
    """A LocalStack service over moto; operations in `ours` are served by us.

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


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Service:
    """LocalStack's own provider starts Amazon's DynamoDB Local, which needs Java and a download."""
    from harness.emulator import dynamodb  # moto's DynamoDB loads with the service, not at boot

    dynamodb.complete_moto()
    return moto_service("dynamodb")


@aws_provider(api="dynamodbstreams", name="moto")
def dynamodbstreams() -> Service:
    return moto_service("dynamodbstreams")


@aws_provider(api="kinesis", name="moto")
def kinesis() -> Service:
    """LocalStack's own provider starts a server that it installs with npm, which needs Node.js and a download."""
    from harness.emulator.kinesis import operations, shards  # moto's Kinesis loads with the service, not at boot

    shards.complete_moto()
    return moto_service("kinesis", operations.OURS)


@aws_provider(api="sesv2", name="default")
def sesv2() -> Service:
    """Its identities are those of SES: moto keeps both in one place."""
    mail_identities.complete_moto()
    return moto_service("sesv2")
