"""How deep a JSON or YAML text is nested, before it is read: functions that call themselves for each level end in a
RecursionError."""

import re
from typing import Any

import yaml

MAX_DEPTH = 100
MAX_VALUES = 200_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A string that nothing closes is one token too, or each of its quotes would be tried up to the end of the text.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


def too_deep(text: str) -> int | None:
    """The line (from 1) on which a text is nested deeper than MAX_DEPTH; None where it is not."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return None
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return text.count("\n", 0, token.start()) + 1
        elif token[0] in "]}":
            depth -= 1
    return None


def first_place(text: str, *, aliases: bool) -> tuple[str, int, int] | None:
    """The line and column (from 1) where a YAML text is nested deeper than MAX_DEPTH ("depth") or, where `aliases` asks for
    it, of its first alias ("alias"). Raises yaml.YAMLError."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        found: str | None = None
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            found = "depth" if depth > MAX_DEPTH else None
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif aliases and isinstance(event, yaml.AliasEvent):
            found = "alias"
        if found and event.start_mark:
            return found, event.start_mark.line + 1, event.start_mark.column + 1
    return None


def endless(text: str) -> bool:
    """Whether a YAML text holds itself, or more than MAX_VALUES with its aliases written out. Raises yaml.YAMLError."""
    return "*" in text and _values(yaml.load(text, Loader=_LOADER), {}) > MAX_VALUES


def _values(value: Any, known: dict[int, int]) -> int:
    """The values within one, each as often as it stands there."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = MAX_VALUES + 1  # while it is counted: it holds itself
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_values(part, known) for part in parts)
    return known[id(value)]
