"""Matches an event against a compiled pattern, as Event Ruler does, and explains a refusal.

An event is flattened into single values with the dotted path that leads to each; elements of arrays share the path of
their array. Fields inside arrays must match within the same elements ("array consistency",
https://github.com/aws/event-ruler#and-and-or-relationship-among-fields-with-ruler).
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.topology.document_structure import read_json
from harness.topology.patterns.compiler import Branch, Wanted
from harness.topology.patterns.conditions import Equals, Exists, NumericRange, Scalar, number, show
from harness.topology.patterns.match import MATCHED, Match, Refusal

Elements = Mapping[int, int]
"""The element of each array (numbered in order) that contains a value."""


@dataclass(frozen=True, slots=True)
class Value:
    value: Scalar
    elements: Elements


Fields = Mapping[str, Sequence[Value]]

_NOTHING = "no such field"


def fields(event: Mapping[str, Any]) -> Fields:
    """The single values of an event by their dotted path. Empty arrays and objects give none."""
    found: dict[str, list[Value]] = {}
    arrays = 0

    def walk(value: Any, path: tuple[str, ...], elements: Elements) -> None:
        nonlocal arrays
        if isinstance(value, Mapping):
            for key, item in value.items():
                walk(item, (*path, str(key)), elements)
        elif isinstance(value, list | tuple):
            number_of_array, arrays = arrays, arrays + 1
            for index, item in enumerate(value):
                # Single values bind to no element: ["a", "b"] matches with any element for the other fields.
                inner = {**elements, number_of_array: index} if isinstance(item, Mapping | list | tuple) else elements
                walk(item, path, inner)
        else:
            found.setdefault(".".join(path), []).append(Value(value, elements))

    walk(event, (), {})
    return found


def match_branches(branches: Sequence[Branch], event: Mapping[str, Any]) -> Match:
    """Whether one of a pattern's alternatives accepts the event. The refusals are those of the nearest alternative."""
    there = fields(event)
    nearest: tuple[Refusal, ...] = ()
    for branch in branches:
        if not (refusals := tuple(_refusals(branch, there, event))):
            return MATCHED
        if not nearest or len(refusals) < len(nearest):
            nearest = refusals
    if len(branches) > 1:
        nearest = tuple(_of_alternative(refusal, len(branches)) for refusal in nearest)
    return Match(nearest)


def _refusals(branch: Branch, there: Fields, event: Mapping[str, Any]) -> Iterator[Refusal]:
    alone = [refusal for wanted in branch.values() if (refusal := _refused(wanted, there, event))]
    if alone:
        yield from alone
    elif not _consistent(list(branch.values()), there, {}):
        yield _not_in_one_element(branch, there)


def _refused(wanted: Wanted, there: Fields, event: Mapping[str, Any]) -> Refusal | None:
    values = there.get(wanted.name, ())
    if any(_accepted(wanted, value) for value in values) or (not values and _absence_wanted(wanted)):
        return None
    if values:
        shown = list(dict.fromkeys(show(value.value) for value in values))
        found = shown[0] if len(values) == 1 else f"[{', '.join(shown)}]"
    else:
        found = _what_stands_there(wanted, event)
    hint = _other_value(wanted, values) if values else _other_name(wanted, there) if found == _NOTHING else ""
    sentence = f"{wanted.name}: it wants {wanted.describe()}, the event has {found}{hint}."
    return Refusal(wanted.path, wanted.describe(), found, sentence, wanted.location)


def _accepted(wanted: Wanted, value: Value) -> bool:
    return any(condition.accepts(value.value) for condition in wanted.conditions)


def _absence_wanted(wanted: Wanted) -> bool:
    return any(isinstance(condition, Exists) and not condition.wanted for condition in wanted.conditions)


def _consistent(left: list[Wanted], there: Fields, elements: Elements) -> bool:
    """Whether every field has a value such that no two values are in different elements of one array."""
    if not left:
        return True
    wanted, rest = left[0], left[1:]
    reachable = [
        (value, joined) for value in there.get(wanted.name, ()) if (joined := _join(elements, value)) is not None
    ]
    if not reachable:
        return _absence_wanted(wanted) and _consistent(rest, there, elements)
    return any(_accepted(wanted, value) and _consistent(rest, there, joined) for value, joined in reachable)


def _join(elements: Elements, value: Value) -> Elements | None:
    if any(elements.get(array, index) != index for array, index in value.elements.items()):
        return None
    return {**elements, **value.elements}


def _not_in_one_element(branch: Branch, there: Fields) -> Refusal:
    inside = [wanted for wanted in branch.values() if any(value.elements for value in there.get(wanted.name, ()))]
    names = " and ".join(wanted.name for wanted in inside)
    wanted_text = " and ".join(f"{wanted.name} {wanted.describe()}" for wanted in inside)
    sentence = f"{names}: each matches, but not within the same element of the array that they lie in."
    return Refusal(inside[0].path, wanted_text, "matches in different elements", sentence, inside[0].location)


def _of_alternative(refusal: Refusal, count: int) -> Refusal:
    return replace(refusal, sentence=f"{refusal.sentence[:-1]} (the nearest of {count} alternatives).")


def _what_stands_there(wanted: Wanted, event: Mapping[str, Any]) -> str:
    """What the event has instead of a single value."""
    value: Any = event
    for depth, key in enumerate(wanted.path):
        if isinstance(value, str):
            parent = ".".join(wanted.path[:depth])
            return f"a string in {parent}" + (
                ": JSON that is encoded as text is not looked into" if _is_json_object(value) else ""
            )
        if not isinstance(value, Mapping) or key not in value:
            return _NOTHING
        value = value[key]
    if isinstance(value, Mapping):
        return "an object there, and patterns look at single values" if value else "an empty object"
    return "an empty array" if isinstance(value, list | tuple) else _NOTHING


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(read_json(text), dict)
    except ValueError:
        return False


def _other_name(wanted: Wanted, there: Fields) -> str:
    """The field that was probably meant, to end the sentence."""
    if other := {name.lower(): name for name in there}.get(wanted.name.lower()):
        return f" (it has {other}; case counts)"
    near = difflib.get_close_matches(wanted.name, there, n=1, cutoff=0.8)
    return f" (it has {near[0]})" if near else ""


def _other_value(wanted: Wanted, values: Sequence[Value]) -> str:
    """What is probably wrong about the value, to end the sentence."""
    if not all(isinstance(condition, Equals) for condition in wanted.conditions):
        ranged = any(isinstance(condition, NumericRange) for condition in wanted.conditions)
        text_of_digits = ranged and any(isinstance(v.value, str) and _looks_numeric(v.value) for v in values)
        return " (a string; only numbers are compared as numbers)" if text_of_digits else ""
    texts = [condition.value for condition in wanted.conditions if isinstance(condition, Equals)]
    for value in values:
        for text in texts:
            if isinstance(text, str) != isinstance(value.value, str) and _plain(text) == _plain(value.value):
                return f" ({_kind(value.value)}, and it wants {_kind(text)})"
            if isinstance(text, str) and isinstance(value.value, str) and text.lower() == value.value.lower():
                return " (case counts)"
    return ""


def _kind(value: Scalar) -> str:
    if isinstance(value, str):
        return "a string"
    return "a number" if number(value) is not None else "null" if value is None else "a boolean"


def _looks_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(value: Scalar) -> str:
    found = number(value)
    return str(found) if found is not None else value if isinstance(value, str) else json.dumps(value)
