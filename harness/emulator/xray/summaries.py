"""Trace summaries: the traces of a time range, and a summary of each.

https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from harness.emulator.xray.annotations import annotations, as_response
from harness.emulator.xray.segments import (
    Document,
    duration,
    has_error,
    has_fault,
    has_throttle,
    is_in_progress,
    is_subsegment,
    status,
    within,
)
from harness.emulator.xray.traces import CompiledTrace, ServiceNode, service_of

IN_RANGE: dict[str, Callable[[CompiledTrace, float, float], bool]] = {
    "TraceId": lambda trace, start, end: start <= trace.time < end,
    # "Returns traces active during the range, regardless of when the trace began."
    "Event": lambda trace, start, end: trace.start < end and (trace.is_partial or (trace.end or 0) >= start),
    "Service": lambda trace, start, end: any(
        start <= float(each["end_time"]) < end for each in trace.documents if not is_in_progress(each)
    ),
}
"""By TimeRangeType."""
_HTTP = {"HttpURL": "url", "HttpMethod": "method", "UserAgent": "user_agent", "ClientIp": "client_ip"}


def summary(trace: CompiledTrace, account_id: str) -> dict[str, Any]:
    root = trace.root
    found: dict[str, Any] = {
        "Id": trace.id,
        "StartTime": _time(trace.start),
        "HasFault": has_fault(root),
        "HasError": has_error(root),
        # "One or more of the segment documents has a 429 throttling error."
        "HasThrottle": any(has_throttle(each) for each in trace.every_document()),
        "IsPartial": trace.is_partial,
        "Http": _http(root),
        "Annotations": _annotations(trace, account_id),
        "Users": _users(trace, account_id),
        "ServiceIds": _services((each.service for each in trace.segments), account_id),
        "ResourceARNs": [{"ARN": arn} for arn in _distinct(each.get("resource_arn") for each in trace.documents)],
        "InstanceIds": [{"Id": each} for each in _ec2(trace, "instance_id")],
        "AvailabilityZones": [{"Name": each} for each in _ec2(trace, "availability_zone")],
        "EntryPoint": _service(service_of(root), account_id),
        "Revision": trace.revision,
    }
    for member, seconds in (("Duration", trace.duration), ("ResponseTime", duration(root))):
        if seconds is not None:
            found[member] = round(seconds, 6)
    return found


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _http(root: Document) -> dict[str, Any]:
    found = {member: within(root, "http", "request", key) for member, key in _HTTP.items()}
    return {member: value for member, value in {**found, "HttpStatus": status(root)}.items() if value is not None}


def _service(service: ServiceNode, account_id: str) -> dict[str, Any]:
    return {"AccountId": account_id, **service.as_response()}


def _services(services: Iterable[ServiceNode], account_id: str) -> list[dict[str, Any]]:
    return [_service(each, account_id) for each in dict.fromkeys(services)]


def _annotations(trace: CompiledTrace, account_id: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, dict[tuple[type, Any], list[ServiceNode]]] = {}
    for each in annotations(trace):
        services = found.setdefault(each.key, {}).setdefault((type(each.value), each.value), [])
        if each.service:
            services.append(each.service)
    return {
        key: [
            {"AnnotationValue": as_response(value), "ServiceIds": _services(services, account_id)}
            for (_, value), services in values.items()
        ]
        for key, values in found.items()
    }


def _users(trace: CompiledTrace, account_id: str) -> list[dict[str, Any]]:
    found: dict[str, list[ServiceNode]] = {}
    for each in trace.documents:
        user = each.get("user")
        if isinstance(user, str) and not is_subsegment(each):
            found.setdefault(user, []).append(service_of(each))
    return [{"UserName": user, "ServiceIds": _services(services, account_id)} for user, services in found.items()]


def _ec2(trace: CompiledTrace, member: str) -> list[str]:
    return _distinct(within(each, "aws", "ec2", member) for each in trace.documents)


def _distinct(values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(each for each in values if isinstance(each, str)))
