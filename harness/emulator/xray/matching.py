"""Whether a trace matches a filter expression.

Keywords outside of `service()` and `edge()` are about the root segment and the trace; inside their braces they are about the
segments of the service, or about the calls on the edge
(https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html#console-filters-complex).
"""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from harness.emulator.xray.annotations import annotations
from harness.emulator.xray.filter_expressions import (
    AllOf,
    Annotation,
    AnyOf,
    EdgeFilter,
    Expression,
    FilterCondition,
    Not,
    ServiceFilter,
    ServicePattern,
    Value,
)
from harness.emulator.xray.segments import (
    Document,
    duration,
    has_error,
    has_fault,
    has_throttle,
    is_in_progress,
    is_ok,
    status,
    within,
)
from harness.emulator.xray.traces import CompiledTrace, Segment, ServiceNode, service_of

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "contains": lambda found, wanted: wanted in found,
    "beginswith": lambda found, wanted: found.startswith(wanted),
    "endswith": lambda found, wanted: found.endswith(wanted),
}
_HTTP = {"http.url": "url", "http.method": "method", "http.useragent": "user_agent", "http.clientip": "client_ip"}


@dataclass(frozen=True, slots=True)
class _Subject:
    """What keywords are about: one document, or the root segment and with it the whole trace."""

    service: ServiceNode
    document: Document
    every: tuple[Document, ...]
    """The documents of whatever can be on any segment of the trace: users, zones, instances, resources."""
    duration: float | None
    is_partial: bool
    is_inferred: bool
    is_root: bool


def matches(trace: CompiledTrace, expression: Expression, account_id: str) -> bool:
    """Whether a trace that is kept in this account fulfils an expression."""
    subject = _Subject(
        service_of(trace.root),
        trace.root,
        tuple(trace.every_document()),
        trace.duration,
        trace.is_partial,
        any(each.is_inferred for each in trace.segments),
        is_root=True,
    )
    return _Matcher(trace, account_id).holds(expression, subject)


@dataclass(frozen=True, slots=True)
class _Matcher:
    trace: CompiledTrace
    account_id: str

    def holds(self, expression: Expression, subject: _Subject) -> bool:
        match expression:
            case AnyOf(operands):
                return any(self.holds(each, subject) for each in operands)
            case AllOf(operands):
                return all(self.holds(each, subject) for each in operands)
            case Not(operand):
                return not self.holds(operand, subject)
            case Annotation(key, by, value):
                found = [each.value for each in annotations(self.trace) if each.key == key]
                return bool(found) if by is None else _compares(found, by, value)
            case ServiceFilter(node, inside):
                return any(
                    self._is(node, each.service) and self._in_service(inside, each) for each in self.trace.segments
                )
            case EdgeFilter(source, destination, inside):
                return any(
                    each.caller is not None
                    and self._is(source, each.caller)
                    and self._is(destination, each.service)
                    and self._on_edge(inside, each)
                    for each in self.trace.segments
                )
            case FilterCondition(keyword, by, value):
                found = _values(keyword, subject)
                if by is None:
                    return any(each is not False for each in found)
                return _compares(found, by, value)

    def _is(self, node: ServicePattern, service: ServiceNode) -> bool:
        account = service.account_id or self.account_id
        return (
            node.name in (None, service.name)
            and node.type in (None, service.type)
            and node.account_id in (None, account)
        )

    def _in_service(self, inside: Expression | None, segment: Segment) -> bool:
        return inside is None or self.holds(inside, _of(segment, segment.document))

    def _on_edge(self, inside: Expression | None, segment: Segment) -> bool:
        """The call as its caller saw it."""
        return inside is None or self.holds(inside, _of(segment, segment.call or segment.document))


def _of(segment: Segment, document: Document) -> _Subject:
    return _Subject(
        segment.service,
        document,
        (document,),
        duration(document),
        is_in_progress(document),
        segment.is_inferred,
        segment.is_root,
    )


def _compares(found: Iterable[Any], by: str, value: Value | None) -> bool:
    """Whether one of the values compares as asked for; a value of another type never does."""
    return any(_kind(each) is _kind(value) and _OPERATORS[by](each, value) for each in found)


def _kind(value: Any) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def _values(keyword: str, subject: _Subject) -> list[Any]:
    """The values of a keyword; none if it is not set."""
    document = subject.document
    match keyword:
        case "ok":
            return [is_ok(document)]
        case "error":
            return [has_error(document)]
        case "throttle":
            return [has_throttle(document)]
        case "fault":
            return [has_fault(document)]
        case "partial":
            return [subject.is_partial]
        case "inferred":
            return [subject.is_inferred]
        case "root":
            return [subject.is_root]
        case "responsetime":
            return _set(duration(document))
        case "duration":
            return _set(subject.duration)
        case "http.status":
            return _set(status(document))
        case "name":
            return [subject.service.name]
        case "type":
            return [subject.service.type] if subject.service.type else []
        case "user":
            return _texts(each.get("user") for each in subject.every)
        case "availabilityzone":
            return _texts(within(each, "aws", "ec2", "availability_zone") for each in subject.every)
        case "instance.id":
            return _texts(within(each, "aws", "ec2", "instance_id") for each in subject.every)
        case "resource.arn":
            return _texts(each.get("resource_arn") for each in subject.every)
    return _texts([within(document, "http", "request", _HTTP[keyword])])


def _set(value: float | None) -> list[Any]:
    return [] if value is None else [value]


def _texts(values: Iterable[Any]) -> list[Any]:
    return [each for each in values if isinstance(each, str)]
