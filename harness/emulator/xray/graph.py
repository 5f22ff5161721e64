"""The service graph of some traces: clients, services, what they call, and how that went.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html#xray-api-servicegraph
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness.emulator.xray.segments import Document, duration, has_error, has_fault, has_throttle, is_in_progress, is_ok
from harness.emulator.xray.traces import CompiledTrace, ServiceNode

_CLIENT = "client"


@dataclass
class _Statistics:
    """Of the requests that a service served, or that went over an edge."""

    start: float = float("inf")
    end: float = 0.0
    ok: int = 0
    throttled: int = 0
    errors: int = 0
    faults: int = 0
    total: int = 0
    seconds: float = 0.0
    histogram: Counter[float] = field(default_factory=Counter)

    def add(self, document: Document) -> None:
        self.start = min(self.start, float(document["start_time"]))
        self.end = max(self.end, float(document.get("end_time") or document["start_time"]))
        if is_in_progress(document):
            # "The total number of completed requests."
            return
        took = duration(document) or 0.0
        self.total += 1
        self.ok += is_ok(document)
        self.throttled += has_throttle(document)
        self.errors += has_error(document) or has_throttle(document)
        self.faults += has_fault(document)
        self.seconds += took
        self.histogram[round(took, 3)] += 1

    def summary(self) -> dict[str, Any]:
        return {
            "OkCount": self.ok,
            "ErrorStatistics": {
                "ThrottleCount": self.throttled,
                "OtherCount": self.errors - self.throttled,
                "TotalCount": self.errors,
            },
            "FaultStatistics": {"OtherCount": self.faults, "TotalCount": self.faults},
            "TotalCount": self.total,
            "TotalResponseTime": round(self.seconds, 3),
        }

    def entries(self) -> list[dict[str, Any]]:
        return [{"Value": value, "Count": count} for value, count in sorted(self.histogram.items())]

    def times(self) -> dict[str, datetime]:
        return {
            "StartTime": datetime.fromtimestamp(self.start, UTC),
            "EndTime": datetime.fromtimestamp(self.end, UTC),
        }


@dataclass
class _Node:
    statistics: _Statistics = field(default_factory=_Statistics)
    edges: dict[ServiceNode, _Statistics] = field(default_factory=dict)
    is_root: bool = False
    is_active: bool = False
    """Whether it sends segments; what is inferred of the calls of others has the state `unknown`."""


def service_graph(traces: Iterable[CompiledTrace]) -> list[dict[str, Any]]:
    """The `Services` of a response."""
    nodes: dict[ServiceNode, _Node] = {}
    for trace in traces:
        for segment in trace.segments:
            node = nodes.setdefault(segment.service, _Node())
            node.statistics.add(segment.document)
            node.is_root |= segment.is_root
            node.is_active |= not segment.is_inferred
            if segment.is_root:
                client = nodes.setdefault(ServiceNode(segment.service.name, _CLIENT), _Node())
                client.statistics.add(segment.document)
                client.edges.setdefault(segment.service, _Statistics()).add(segment.document)
            elif segment.caller is not None and segment.call is not None:
                caller = nodes.setdefault(segment.caller, _Node())
                caller.edges.setdefault(segment.service, _Statistics()).add(segment.call)
    numbers = {service: number for number, service in enumerate(sorted(nodes))}
    return [_described(service, nodes[service], numbers) for service in numbers]


def _described(service: ServiceNode, node: _Node, numbers: dict[ServiceNode, int]) -> dict[str, Any]:
    found = {
        "ReferenceId": numbers[service],
        **service.as_response(),
        "State": "active" if node.is_active else "unknown",
        **node.statistics.times(),
        "Edges": [
            {
                "ReferenceId": numbers[called],
                **edge.times(),
                "SummaryStatistics": edge.summary(),
                "ResponseTimeHistogram": edge.entries(),
                "Aliases": [],
            }
            for called, edge in sorted(node.edges.items(), key=lambda each: numbers[each[0]])
        ],
    }
    if node.is_root:
        found["Root"] = True
    if service.type == _CLIENT:
        return found
    return found | {
        "SummaryStatistics": node.statistics.summary(),
        "DurationHistogram": node.statistics.entries(),
        "ResponseTimeHistogram": node.statistics.entries(),
    }
