"""Refuses requests that break a constraint of their service's model, before any other code reads them.

AWS checks a request's form before it asks IAM in some services and after in others; here it comes first, because IAM asks
about resources by names that have to be names.
"""

import threading
from collections.abc import Callable
from typing import Any

from botocore.model import OperationModel
from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response
from localstack.services.plugins import SERVICE_PLUGINS

from harness.emulator.patches import inserted
from harness.emulator.validation.answers import exception_of
from harness.emulator.validation.constraints import checker_of
from harness.emulator.validation.messages import refusal
from harness.emulator.validation.model_corrections import MISTAKES_OF_LOCALSTACK, NOT_FROM_THE_MODEL
from harness.emulator.validation.violations import Violation, ViolationKind

Checker = Callable[[dict[str, Any]], list[Violation]]

AGGREGATES = frozenset({"list", "map", "structure"})


class Checkers:
    """One for each operation, compiled when it is first called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._compiled: dict[tuple[str, str], Checker | None] = {}

    def of(self, operation: OperationModel) -> Checker | None:
        """None for an operation that is not checked here."""
        service = operation.service_model.service_name
        key = (service, operation.name)
        try:
            return self._compiled[key]
        except KeyError:
            with self._lock:
                if key not in self._compiled:
                    checked = service not in NOT_FROM_THE_MODEL and SERVICE_PLUGINS.exists(service)
                    self._compiled[key] = checker_of(operation) if checked else None
                return self._compiled[key]


CHECKERS = Checkers()
"""Of this LocalStack process; what they check is in the models, which do not change."""


def refuse(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler."""
    operation = context.operation
    if context.service is None or operation is None:
        return
    checker = CHECKERS.of(operation)
    if checker is None:
        return
    if context.is_internal_call and (context.service.service_name, operation.name) in MISTAKES_OF_LOCALSTACK:
        return
    request: Any = context.service_request
    violations = checker(request if isinstance(request, dict) else {})
    if violations and context.protocol in ("query", "ec2"):
        empty = [violation for violation in violations if _is_empty(violation, context)]
        for violation in empty:
            if "." not in violation.path and isinstance(request, dict):
                request[violation.member] = [] if violation.shape.type_name == "list" else {}
        violations = [violation for violation in violations if violation not in empty]
    if not violations:
        return
    raise exception_of(refusal(context.service.service_name, str(context.protocol), operation.name, violations))


def _is_empty(violation: Violation, context: RequestContext) -> bool:
    """Forms have no empty lists: `Names=` is one, which LocalStack's parser leaves out as if it were missing."""
    if violation.kind is not ViolationKind.MISSING or violation.shape.type_name not in AGGREGATES:
        return False
    return any(str(key).startswith(violation.member) for key in context.request.values)


def install() -> None:
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        refuse,
        because="requests that break a constraint of their model reach the service",
        source="https://smithy.io/2.0/spec/constraint-traits.html",
    )
