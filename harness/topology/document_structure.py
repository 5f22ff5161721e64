"""The depth and size of a YAML text after its aliases are expanded, measured before anything is built from it.

Nine lines of anchors that name each other ten times represent a billion values, an anchor that contains its own alias is
infinite, and a recursive parser fails with a RecursionError on deep nesting.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

MAX_DEPTH = 100
MAX_VALUES = 200_000


@dataclass(frozen=True, slots=True)
class StructureProblem:
    """What is wrong with a text, and its line and column (from 1)."""

    line: int
    column: int
    problem: str


@dataclass(slots=True)
class _Open:
    anchor: str | None
    values: int = 1
    height: int = 1


@cache
def loader() -> Any:
    """libyaml's parser if PyYAML was built with it: ten times as fast."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def structure_problem(text: str) -> StructureProblem | None:
    """The first place where the text is nested too deeply, is too large, or contains itself. None for a valid text, and for one
    that is not YAML, which the parser reports better."""
    open_: list[_Open] = []
    finished: dict[str, tuple[int, int]] = {}
    values = 0
    try:
        for event in yaml.parse(text, Loader=loader()):
            size, height = 1, 1
            if isinstance(event, yaml.CollectionEndEvent):
                closed = open_.pop()
                if closed.anchor:
                    finished[closed.anchor] = (closed.values, closed.height)
                if open_:
                    open_[-1].values += closed.values
                    open_[-1].height = max(open_[-1].height, closed.height + 1)
                continue
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append(_Open(event.anchor))
                height = 0
            elif isinstance(event, yaml.AliasEvent):
                if any(each.anchor == event.anchor for each in open_):
                    return _at(event, f"the anchor &{event.anchor} holds its own alias, so its value has no end")
                size, height = finished.get(str(event.anchor), (1, 1))
                _grow(open_, size, height)
            elif isinstance(event, yaml.ScalarEvent):
                if event.anchor:
                    finished[event.anchor] = (1, 1)
                _grow(open_, 1, 1)
            else:
                continue
            values += size
            if len(open_) + height > MAX_DEPTH:
                return _at(event, f"nested more than {MAX_DEPTH} levels deep")
            if values > MAX_VALUES:
                return _at(event, f"more than {MAX_VALUES:,} values, with aliases written out")
    except yaml.YAMLError:
        return None
    return None


def _grow(open_: list[_Open], values: int, height: int) -> None:
    if open_:
        open_[-1].values += values
        open_[-1].height = max(open_[-1].height, height + 1)


def _at(event: Any, problem: str) -> StructureProblem:
    return StructureProblem(event.start_mark.line + 1, event.start_mark.column + 1, problem)


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError for a text that is not JSON or is nested too deeply."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep") from None
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [part for part in level if isinstance(part, dict | list)]
        if not level:
            return value
        level = [inner for part in level for inner in (part.values() if isinstance(part, dict) else part)]
    raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
