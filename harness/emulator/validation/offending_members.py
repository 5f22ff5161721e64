"""Which member of a request an exception is about, where the code that failed had it from the request.

LocalStack 4.14.0 and moto read members that a model has as optional as if they were required, look names up without asking
whether they exist, and parse values without catching what the parser raises. The exception then names what was at fault.
"""

import json
import linecache
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import yaml
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from harness.emulator.validation.violations import lower_first

FRAMES = 3
"""So many of the innermost calls may have had the member under its name."""
_OF_NONE = "'NoneType' object"
_OF_NONE_AS_ARGUMENT = re.compile(r"got '?NoneType'?|argument of type 'NoneType'|not NoneType")


_READ_AS_OBJECT = re.compile(r"'(int|float|str|bool|list|NoneType)' object ")
_DOCUMENTS = re.compile("body|content|definition|document|pattern|policy|schema|template", re.IGNORECASE)
"""Names of members that hold JSON or YAML."""
LONGEST_SCALAR = 1000
"""Characters. More YAML than that is no scalar that a client intended, and takes long to read."""


class MemberFault(Enum):
    LEFT_OUT = auto()
    NAMES_NOTHING = auto()
    UNREADABLE = auto()


@dataclass(frozen=True, slots=True)
class Offence:
    """`path` is written as AWS does (`rulePriorities.1.member.priority`), `member` as the model spells the root of it."""

    fault: MemberFault
    member: str
    path: str
    shape: Shape
    value: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """One member of the input, at one place of the request; `value` is None if it is omitted."""

    name: str
    root: str
    path: str
    shape: Shape
    value: Any


def offence(exception: Exception, request: Any, operation: OperationModel) -> Offence | None:
    """None for an exception that says nothing of the request."""
    if not isinstance(operation.input_shape, StructureShape):
        return None
    places = list(_places(operation.input_shape, request if isinstance(request, dict) else {}))
    if isinstance(exception, KeyError):
        return _of_key(exception, places)
    if isinstance(exception, TypeError | AttributeError):
        about_none = _of_none(exception, places) if _is_about_none(exception) else None
        return about_none or _of_document(exception, places)
    if isinstance(exception, ValueError):
        return _of_parser(exception, places)
    return None


def _of_key(exception: KeyError, places: list[_Place]) -> Offence | None:
    key = exception.args[0] if exception.args else None
    if not isinstance(key, str):
        return None
    texts = {key, unquote(key)}
    for place in places:
        if isinstance(place.value, str) and place.value in texts:
            return _offence(MemberFault.NAMES_NOTHING, place, place.value)
    return next((_offence(MemberFault.LEFT_OUT, p) for p in places if p.name == key and _is_hollow(p.value)), None)


def _is_hollow(value: Any) -> bool:
    """Nothing that a query string or a form would hold: a list that begins with an empty structure is not read back, either."""
    return value is None or value in ([], {}) or (isinstance(value, list) and _is_hollow(value[0]))


def _is_about_none(exception: Exception) -> bool:
    return _OF_NONE in str(exception) or _OF_NONE_AS_ARGUMENT.search(str(exception)) is not None


def _of_none(exception: Exception, places: list[_Place]) -> Offence | None:
    """The line that failed names the member: as the model does, or as a variable that holds None."""
    absent = [place for place in places if place.value is None and place.root == place.name]
    by_variable = {variable: place for place in absent for variable in (xform_name(place.name), place.name.lower())}
    for text, variables in _innermost(exception.__traceback__):
        words = set(re.findall(r"\w+", text))
        for place in absent:
            if f'"{place.name}"' in text or f"'{place.name}'" in text:
                return _offence(MemberFault.LEFT_OUT, place)
        for word in sorted(words & set(by_variable)):
            if variables.get(word, word) is None:
                return _offence(MemberFault.LEFT_OUT, by_variable[word])
    return None


def _innermost(trace: TracebackType | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The text and the variables of each of the calls that failed, the innermost first."""
    frames = [frame for frame, _ in traceback.walk_tb(trace)]
    for frame, at in list(zip(frames, traceback.extract_tb(trace), strict=True))[: -FRAMES - 1 : -1]:
        first, last = at.lineno or 0, at.end_lineno or at.lineno or 0
        text = "".join(linecache.getline(at.filename, number) for number in range(first, last + 1))
        yield text, dict(frame.f_locals)


def _of_document(exception: Exception, places: list[_Place]) -> Offence | None:
    """A document that is a number, a text or a list, read as the object that it should be."""
    read = _READ_AS_OBJECT.match(str(exception))
    if read is None:
        return None
    for place in places:
        if isinstance(place.value, str | bytes) and _DOCUMENTS.search(place.name) and _kind(place.value) == read[1]:
            return _offence(MemberFault.UNREADABLE, place, place.value if isinstance(place.value, str) else None)
    return None


def _kind(document: str | bytes) -> str:
    """The name of the type of what a document in JSON or YAML holds."""
    try:
        return type(json.loads(document)).__name__
    except (ValueError, RecursionError):
        pass
    try:
        return type(yaml.safe_load(document[:LONGEST_SCALAR])).__name__
    except (yaml.YAMLError, ValueError, RecursionError):
        return ""


def _of_parser(exception: ValueError, places: list[_Place]) -> Offence | None:
    parsed: Any = None
    if isinstance(exception, json.JSONDecodeError):
        parsed = exception.doc
    elif isinstance(exception, UnicodeError):
        parsed = getattr(exception, "object", None)
    said = str(exception)
    for place in places:
        value = place.value
        if isinstance(value, str | bytes) and value and (_same(value, parsed) or repr(value) in said):
            return _offence(MemberFault.UNREADABLE, place, value if isinstance(value, str) else None)
    if parsed in ("", b""):
        # An empty document; a parser gets "" for an omitted one, too.
        return next((_offence(MemberFault.UNREADABLE, place, "") for place in places if place.value in ("", b"")), None)
    return None


def _same(value: str | bytes, parsed: Any) -> bool:
    if isinstance(value, str) and isinstance(parsed, bytes):
        return value.encode(errors="replace") == parsed
    if isinstance(value, bytes) and isinstance(parsed, str):
        return value.decode(errors="replace") == parsed
    return bool(value == parsed)


def _offence(fault: MemberFault, place: _Place, value: str | None = None) -> Offence:
    return Offence(fault, place.root, place.path, place.shape, value)


def _places(shape: Shape, value: Any, path: str = "", root: str = "") -> Iterator[_Place]:
    """Every member that the request has or could have, level by level as deep as the request goes."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in shape.members.items():
            at = f"{path}.{lower_first(name)}" if path else lower_first(name)
            yield _Place(name, root or name, at, member, value.get(name))
            yield from _places(member, value.get(name), at, root or name)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, item in enumerate(value, 1):
            yield from _item(shape.member, item, f"{path}.{index}.member", root)
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for key, item in value.items():
            yield from _item(shape.key, key, f"{path}.{key}", root)
            yield from _item(shape.value, item, f"{path}.{key}.member", root)


def _item(shape: Shape, value: Any, path: str, root: str) -> Iterator[_Place]:
    if isinstance(value, str | bytes):
        yield _Place("", root, path, shape, value)
    yield from _places(shape, value, path, root)
