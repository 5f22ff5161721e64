"""Annotations: what segments and subsegments say in key-value pairs, for filter expressions and summaries.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html#api-segmentdocuments-annotations
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.emulator.xray.segments import is_subsegment, subsegments
from harness.emulator.xray.traces import CompiledTrace, ServiceNode, service_of

MAX_ANNOTATIONS = 50
"""X-Ray indexes up to 50 annotations for each trace."""


@dataclass(frozen=True, slots=True)
class AnnotationOfTrace:
    key: str
    value: str | float | bool
    service: ServiceNode | None


def annotations(trace: CompiledTrace) -> list[AnnotationOfTrace]:
    """The indexed annotations; objects and arrays are none."""
    found = list(_annotations(trace))
    keys = list(dict.fromkeys(each.key for each in found))[:MAX_ANNOTATIONS]
    return [each for each in found if each.key in keys]


def _annotations(trace: CompiledTrace) -> Iterator[AnnotationOfTrace]:
    for document in trace.documents:
        service = None if is_subsegment(document) else service_of(document)
        for part in (document, *subsegments(document)):
            for key, value in (part.get("annotations") or {}).items():
                if isinstance(value, str | int | float | bool):
                    yield AnnotationOfTrace(key, value, service)


def as_response(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"StringValue": value} if isinstance(value, str) else {"NumberValue": float(value)}
