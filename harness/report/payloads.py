"""The form of an event at each activity, and what has changed since the activity before."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.flow.history import Activity
from harness.journal.records import Kind

_MOST_LEAVES = 2_000
_MOST_PARTS = 120
_ALIKE = 0.4
"""The share of equal values from which on two payloads are reported as one changed payload, and not as two."""

_GOING_IN = {
    Kind.CALL: ("request",),
    Kind.INVOCATION: ("event",),
    Kind.FRAME: ("body",),
    Kind.DELIVERY: ("event",),
    Kind.DECISION: ("event",),
    Kind.BATCH: ("records",),
    Kind.TRANSITION: ("input",),
    Kind.DEAD_LETTER: ("event", "records"),
}
_COMING_OUT = {Kind.CALL: "response", Kind.FRAME: "response", Kind.INVOCATION: "result", Kind.TRANSITION: "output"}


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value that differs. If it exists on one side only, `before` or `after` is None, and `kind` says which."""

    path: str
    kind: str
    """"changed", "added" or "removed"."""
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class PayloadDifference:
    """How a payload differs from an earlier one. The content of an envelope is compared without the envelope."""

    since: int
    """The activity with the earlier payload; for a function's or an execution's result the activity itself."""
    changes: tuple[ValueChange, ...]
    part: str = ""
    """Where this payload contains the earlier one: "Records[0].body"; "" if it is all of it."""
    part_of_earlier: str = ""
    """Where the earlier payload contained this one; "" if it was all of it."""


def going_in(activity: Activity) -> Any:
    """The event, request or input that an activity received; None if it has none."""
    data = activity.data
    if activity.kind is Kind.REQUEST:
        return _some(activity.begin.data, "method", "path", "query", "headers", "body")
    if activity.kind is Kind.MESSAGE:
        return _some(data, "channel", "sender", "recipients", "subject", "text", "html", "attributes")
    if activity.kind is Kind.TRANSITION and "event" in data:
        return _details(data).get("input")
    return readable(next((data[name] for name in _GOING_IN.get(activity.kind, ()) if name in data), None))


def coming_out(activity: Activity) -> Any:
    """The response, result or output of an activity; None while it is in progress, and if it has none."""
    data = activity.data
    if activity.ended is None:
        return None
    if activity.kind is Kind.REQUEST:
        return _some(activity.ended.data, "status", "headers", "body")
    if activity.kind is Kind.TRANSITION and "event" in data:
        return _details(data).get("output")
    return readable(data.get(_COMING_OUT.get(activity.kind, "")))


def _details(data: dict[str, Any]) -> dict[str, Any]:
    return (data.get("event") or {}).get("details") or {}


def _some(data: dict[str, Any], *names: str) -> Any:
    return readable({name: data[name] for name in names if data.get(name) not in (None, "", {}, [])}) or None


def readable(value: Any) -> Any:
    """The value with JSON inside texts parsed, as envelopes contain it: `{"Message": "{...}"}`."""
    if isinstance(value, dict):
        return {name: readable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [readable(member) for member in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return readable(json.loads(value))
        except ValueError:
            return value
    return value


def difference(earlier: Any, later: Any, since: int) -> PayloadDifference | None:
    """What has changed from one payload to the next; None if they are not the same event at all."""
    if earlier is None or later is None:
        return None
    if earlier == later:
        return PayloadDifference(since, ())
    before, after = _leaves(earlier), _leaves(later)
    if len(before) > _MOST_LEAVES or len(after) > _MOST_LEAVES:
        return None
    inside_later = _closest(earlier, before, later)
    inside_earlier = _closest(later, after, earlier)
    if inside_later[0] >= inside_earlier[0]:
        alike, part, found = inside_later
        changes = _changes(before, _leaves(found))
        told = PayloadDifference(since, changes, part=part)
    else:
        alike, part, found = inside_earlier
        told = PayloadDifference(since, _changes(_leaves(found), after), part_of_earlier=part)
    return told if alike >= _ALIKE else None


def _closest(sought: Any, leaves: dict[str, Any], within: Any) -> tuple[float, str, Any]:
    """The part of a payload that is most like another: the likeness, its path, and the part. Of equals, the outermost."""
    best: tuple[float, str, Any] = (-1.0, "", within)
    for number, (path, part) in enumerate(_parts(within)):
        if number >= _MOST_PARTS:
            break
        if part == sought:
            return (1.0, path, part)
        others = _leaves(part)
        same = sum(1 for name, value in leaves.items() if name in others and others[name] == value)
        share = same / max(len(leaves), len(others), 1)
        if share > best[0]:
            best = (share, path, part)
    return best


def _parts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """A value and everything in it that itself has parts, the outermost first."""
    level: list[tuple[str, Any]] = [(path, value)]
    while level:
        yield from level
        level = [
            (_joined(at, name), member)
            for at, each in level
            for name, member in _members(each)
            if isinstance(member, (dict, list))
        ]


def _members(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _joined(path: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else str(name)


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every value without parts, by its path."""
    members = _members(value)
    if not members:
        return {path: value}
    found: dict[str, Any] = {}
    for name, member in members:
        found.update(_leaves(member, _joined(path, name)))
    return found


def _changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[ValueChange, ...]:
    changes = []
    for path in dict.fromkeys((*before, *after)):
        if path not in after:
            changes.append(ValueChange(path, "removed", before=before[path]))
        elif path not in before:
            changes.append(ValueChange(path, "added", after=after[path]))
        elif before[path] != after[path]:
            changes.append(ValueChange(path, "changed", before[path], after[path]))
    return tuple(changes)
