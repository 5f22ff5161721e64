"""The references inside a template: Ref, Fn::GetAtt, Fn::Sub, DependsOn, Condition, Fn::FindInMap, Fn::ImportValue."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.topology.document import Location

Kind = Literal["Ref", "GetAtt", "DependsOn", "Condition", "FindInMap", "ImportValue"]

SUB_VARIABLE = re.compile(r"\$\{\s*(!?)([^}\s]+)\s*\}")
"""`${Name}`; with a `!` the text stays unchanged
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-sub.html)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference. `name` is the referenced name; ImportValue has the export's name, as written, in `value` instead."""

    kind: Kind
    name: str
    location: Location
    attribute: str | None = None
    value: Any = None


def references(body: Mapping[str, Any]) -> Iterator[Reference]:
    """Every reference in a template's Resources, Outputs, Conditions and Globals, in the order of the file."""
    for section in ("Conditions", "Globals", "Resources", "Outputs"):
        entries = body.get(section)
        if not isinstance(entries, dict):
            continue
        for name, entry in entries.items():
            location: Location = (section, name)
            if section in ("Resources", "Outputs") and isinstance(entry, dict):
                yield from _attributes(entry, location)
            yield from _inside(entry, location, attributes=section in ("Resources", "Outputs"))


def mentions(value: Any, location: Location = ()) -> Iterator[Reference]:
    """Every reference inside one value, which is at `location`."""
    yield from _inside(value, location)


def _attributes(entry: Mapping[str, Any], location: Location) -> Iterator[Reference]:
    if isinstance(condition := entry.get("Condition"), str):
        yield Reference("Condition", condition, (*location, "Condition"))
    depends_on = entry.get("DependsOn", [])
    for index, name in enumerate(depends_on if isinstance(depends_on, list) else [depends_on]):
        if isinstance(name, str):
            where = (*location, "DependsOn", index) if isinstance(depends_on, list) else (*location, "DependsOn")
            yield Reference("DependsOn", name, where)


def _inside(value: Any, location: Location, *, attributes: bool = False) -> Iterator[Reference]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _inside(item, (*location, index))
        return
    if not isinstance(value, dict):
        return
    if len(value) == 1 and not attributes:
        [(function, argument)] = value.items()
        found = _function(function, argument, (*location, function))
        if found is not None:
            yield from found
            return
    for key, item in value.items():
        if attributes and key in ("Condition", "DependsOn", "Type"):
            continue
        yield from _inside(item, (*location, key))


def _function(function: str, argument: Any, location: Location) -> list[Reference] | None:
    """The references in a function call and its arguments; None if it is no call that names something."""
    if function == "Ref" and isinstance(argument, str):
        return [Reference("Ref", argument, location)]
    if function == "Condition" and isinstance(argument, str):
        return [Reference("Condition", argument, location)]
    if function == "Fn::GetAtt":
        if isinstance(argument, str) and "." in argument:
            argument = argument.split(".", 1)
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
            attribute = argument[1] if isinstance(argument[1], str) else None
            found = [Reference("GetAtt", argument[0], location, attribute=attribute)]
            return [*found, *_inside(argument[1], (*location, 1))]
    if function == "Fn::Sub":
        return _sub(argument, location)
    if function == "Fn::If" and isinstance(argument, list) and argument and isinstance(argument[0], str):
        return [Reference("Condition", argument[0], location), *_inside(argument[1:], location)]
    if function == "Fn::FindInMap" and isinstance(argument, list) and argument and isinstance(argument[0], str):
        return [Reference("FindInMap", argument[0], location), *_inside(argument[1:], location)]
    if function == "Fn::ImportValue":
        return [Reference("ImportValue", "", location, value=argument), *_inside(argument, location)]
    return None


def _sub(argument: Any, location: Location) -> list[Reference] | None:
    own: Mapping[str, Any] = {}
    text = argument
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
        text, own = argument
    if not isinstance(text, str):
        return None
    found: list[Reference] = []
    for literal, name in SUB_VARIABLE.findall(text):
        if literal or name in own:
            continue
        if "." in name:
            logical_id, attribute = name.split(".", 1)
            found.append(Reference("GetAtt", logical_id, location, attribute=attribute))
        else:
            found.append(Reference("Ref", name, location))
    for key, value in own.items():
        found.extend(_inside(value, (*location, 1, key)))
    return found
