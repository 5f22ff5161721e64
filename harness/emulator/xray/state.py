"""The traces of each account and region, as LocalStack keeps its own state: a reset finds them."""

from collections.abc import Iterator
from typing import Any

from localstack.services.stores import AccountRegionBundle, BaseStore, LocalAttribute
from localstack.state import StateVisitor

from harness.emulator.controls.emptying import of_account
from harness.emulator.xray.segments import RETENTION_SECONDS, Document
from harness.emulator.xray.traces import CompiledTrace, XrayTrace

_SWEEP_SECONDS = 60


class TraceStore(BaseStore):
    traces: dict[str, XrayTrace] = LocalAttribute(default=dict)
    swept: float = LocalAttribute(default=0.0)
    """When old traces were looked for last."""

    def put(self, document: Document, size: int) -> None:
        trace_id = document["trace_id"]
        self.traces.setdefault(trace_id, XrayTrace(trace_id)).put(document, size)

    def compiled(self) -> Iterator[CompiledTrace]:
        for trace in list(self.traces.values()):
            if trace.documents:
                yield trace.compiled()

    def forget_old(self, now: float) -> None:
        """X-Ray keeps trace data for 30 days; looked at once a minute at most."""
        if now < self.swept + _SWEEP_SECONDS:
            return
        self.swept = now
        oldest = now - RETENTION_SECONDS
        for name, trace in list(self.traces.items()):
            if all(float(each["start_time"]) < oldest for each in trace.documents.values()):
                del self.traces[name]


STORES: Any = AccountRegionBundle("xray", TraceStore)


class XrayState:
    """What LocalStack takes for the service's provider when it saves, loads or resets state."""

    def accept_state_visitor(self, visitor: StateVisitor) -> None:
        visitor.visit(STORES)


def empty(account_id: str | None) -> None:
    """Traces are what ran through the service: a reset of the data removes them."""
    for _account, _region, store in of_account(STORES, account_id):
        store.traces.clear()
