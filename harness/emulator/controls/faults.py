"""Faults in force: AWS API calls that fail because a test requested it.

A fault names a service and operations, how the call fails, and optionally which calls it means (a JMESPath expression
over the request's parameters), so that parallel tests do not disturb one another.
"""

import logging
import threading
import uuid
from typing import Any

from botocore.exceptions import UnknownServiceError
from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.chain import HandlerChain
from localstack.aws.spec import load_service
from localstack.http import Response
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.emulator.bounded.queries import JMESPath, QueryError
from harness.emulator.host.attachments import FAULT
from harness.emulator.patches import inserted

LOG = logging.getLogger(__name__)


class Fault(BaseModel):
    """How calls fail, and which.

    `when` is a JMESPath expression over the request's parameters as boto3 names them; the fault applies where it is
    truthy. `times` is how many calls fail before the fault ends; without it the fault stays until it is removed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str
    operations: tuple[str, ...] = Field(min_length=1)
    code: str
    message: str = "Injected by a fault of the test harness."
    status: int = Field(default=400, ge=400, le=599)
    when: str | None = None
    times: int | None = Field(default=None, ge=1)
    fault_id: str = Field(default_factory=lambda: str(uuid.uuid4()))

    @field_validator("when")
    @classmethod
    def _is_jmespath(cls, expression: str | None) -> str | None:
        if expression is not None:
            JMESPath(expression)
        return expression

    @model_validator(mode="after")
    def _exists(self) -> "Fault":
        """A misspelt operation would never fail, and the test that waits for it would not say why."""
        try:
            known = load_service(self.service).operation_names
        except UnknownServiceError:
            raise ValueError(
                f"{self.service!r} is no AWS service; use botocore's name for it (ses, dynamodb)"
            ) from None
        if unknown := sorted(set(self.operations) - set(known)):
            raise ValueError(f"{self.service} has no operation {', '.join(unknown)}; they are named as SendEmail is")
        return self

    def applies(self, service: str, operation: str, parameters: dict[str, Any]) -> bool:
        if service != self.service or operation not in self.operations:
            return False
        if self.when is None:
            return True
        try:
            return bool(JMESPath(self.when).search(parameters))
        except QueryError as error:
            LOG.warning("The fault %s does not apply to %s.%s: %s.", self.fault_id, service, operation, error)
            return False


class FaultRegister:
    """The faults in force, and how often each has struck."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}
        self._struck: dict[str, int] = {}

    def put(self, fault: Fault) -> None:
        with self._lock:
            self._faults[fault.fault_id] = fault
            self._struck[fault.fault_id] = 0

    def remove(self, fault_id: str | None = None) -> int:
        """End one fault, or all; returns how many ended."""
        with self._lock:
            ended = [i for i in self._faults if fault_id in (None, i)]
            for i in ended:
                del self._faults[i]
            return len(ended)

    def strike(self, service: str, operation: str, parameters: dict[str, Any]) -> Fault | None:
        """The fault that this call meets, counted; None when it meets none."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults.values():
                if fault.times is not None and self._struck[fault.fault_id] >= fault.times:
                    continue
                if fault.applies(service, operation, parameters):
                    self._struck[fault.fault_id] += 1
                    return fault
        return None

    def to_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [{**f.model_dump(), "struck": self._struck[f.fault_id]} for f in self._faults.values()]


FAULTS = FaultRegister()
"""The ones in force in this LocalStack process."""


def fail_where_a_fault_applies(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    if context.service is None or context.operation is None:
        return
    fault = FAULTS.strike(context.service.service_name, context.operation.name, context.service_request or {})
    if fault is not None:
        FAULT[context] = fault.fault_id  # for the journal: the test knows why this call fails
        raise CommonServiceException(
            fault.code, fault.message, status_code=fault.status, sender_fault=fault.status < 500
        )


def install() -> None:
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        fail_where_a_fault_applies,
        because="a fault in force makes the calls fail that it names",
    )
