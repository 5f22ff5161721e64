"""Makes parts of the system fail on purpose.

A fault is in force in the engine until the block that requested it ends. This package does not know why a test wants it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.engine import HarnessApi
from harness.errors import EngineError

__all__ = ["FaultInForce", "Faults"]


@dataclass(frozen=True, slots=True)
class FaultInForce:
    """One fault, while its block runs."""

    fault_id: str
    _api: HarnessApi

    @property
    def struck(self) -> int:
        """How many calls the fault has failed so far."""
        for fault in self._api.faults():
            if fault["fault_id"] == self.fault_id:
                return int(fault["struck"])
        raise EngineError(f"Fault {self.fault_id} is no longer in force; was the engine reset?")


class Faults:
    """Makes AWS calls of one target fail on purpose."""

    def __init__(self, api: HarnessApi) -> None:
        self._api = api

    @contextmanager
    def failing(
        self,
        service: str,
        *operations: str,
        code: str,
        message: str = "Injected by a fault of the test harness.",
        status: int = 400,
        times: int | None = None,
        when: str | None = None,
    ) -> Iterator[FaultInForce]:
        """AWS calls fail with this error inside the block.

        `service` and `operations` are botocore's names (`"ses", "SendEmail"`). `times` ends the fault after that many
        failed calls. `when` is a JMESPath expression over the request's parameters; only calls for which it is true
        fail, so that parallel tests do not disturb each other:

            with faults.failing("ses", "SendEmail", code="Throttling",
                                when=f"contains(Destination.ToAddresses, '{address}')"):
        """
        fault_id = self._api.put_fault(
            service=service, operations=operations, code=code, message=message, status=status, times=times, when=when
        )
        try:
            yield FaultInForce(fault_id, self._api)
        finally:
            self._api.remove_fault(fault_id)
