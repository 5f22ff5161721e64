"""The pattern language that EventBridge, SNS and Lambda share, parsed as AWS's Event Ruler parses it.

A pattern is a JSON object in the shape of the event; instead of each value it has an array of accepted values
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html). `$or` forks it into branches, one of
which must match. Errors have AWS's text, and are found in AWS's order.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from harness.topology.document import Location
from harness.topology.patterns.conditions import (
    Affix,
    AnythingBut,
    Condition,
    Equals,
    EqualsIgnoreCase,
    Exists,
    Network,
    NumericRange,
    Wildcard,
    address,
)
from harness.topology.patterns.json_reader import JsonReader, PatternSyntaxError
from harness.topology.patterns.wildcard_complexity import complexity

Dialect = Literal["ruler", "sns"]
"""SNS accepts less: no wildcard, and for anything-but the prefix as its only operator
(https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html)."""

OR = "$or"
_OPERATORS = frozenset({"exactly", "equals-ignore-case", "prefix", "suffix", "numeric", "anything-but", "exists", "cidr",
                        "wildcard"})  # fmt: skip
_MAX_COMPLEXITY = 10
"""AWS documents no number. It accepted a pattern with 8 here, and refused one with 13."""
_TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
    "wildcard character"
)
_LARGEST = Decimal("5e9")


@dataclass(frozen=True)
class Wanted:
    """What a pattern requires of one field: any of the conditions."""

    path: tuple[str, ...]
    """The keys that lead to it, as the pattern writes them."""
    conditions: tuple[Condition, ...]
    location: Location
    """Its location in the pattern; `$or` and the index of the alternative are part of it."""

    @property
    def name(self) -> str:
        """The path joined with dots. AWS does not distinguish {"a": {"b": ...}} from {"a.b": ...}."""
        return ".".join(self.path)

    def describe(self) -> str:
        return " or ".join(condition.describe() for condition in self.conditions)


Branch = Mapping[str, Wanted]


def as_text(pattern: str | Mapping[str, Any]) -> str:
    """The pattern as the text that AWS gets."""
    return pattern if isinstance(pattern, str) else json.dumps(pattern, ensure_ascii=False)


def compile_pattern(text: str, dialect: Dialect = "ruler") -> tuple[Branch, ...]:
    """The alternatives of a pattern: one, or more if it has `$or`. Raises PatternSyntaxError."""
    try:
        return _Compiler(JsonReader(text), dialect).compile()
    except RecursionError:
        raise PatternSyntaxError("Filter is nested too deeply") from None


class _Compiler:
    def __init__(self, reader: JsonReader, dialect: Dialect) -> None:
        self._reader = reader
        self._dialect = dialect

    def compile(self) -> tuple[Branch, ...]:
        if self._reader.next() != "{":
            raise self._reader.error("Filter is not an object")
        branches: list[dict[str, Wanted]] = []
        self._object(branches, (), (), inside_or=False)
        wildcards = [pattern for branch in branches for wanted in branch.values() for pattern in _wildcards(wanted)]
        if any(complexity(pattern, _MAX_COMPLEXITY) >= _MAX_COMPLEXITY for pattern in wildcards):
            raise PatternSyntaxError(_TOO_COMPLEX)
        return tuple(branches)

    def _object(
        self, branches: list[dict[str, Wanted]], path: tuple[str, ...], location: Location, *, inside_or: bool
    ) -> None:
        empty = True
        while self._reader.next() != "}":
            empty = False
            key = self._reader.text()
            if key == OR:
                self._alternatives(branches, path, (*location, key))
                continue
            if inside_or and key in _OPERATORS:
                raise self._reader.error(f"{key} is Ruler reserved fieldName which cannot be used inside {OR}.")
            match self._reader.next():
                case "{":
                    self._object(branches, (*path, key), (*location, key), inside_or=inside_or)
                case "[":
                    self._field(branches, (*path, key), (*location, key))
                case _:
                    raise self._reader.error(f'"{key}" must be an object or an array')
        if empty:
            raise self._reader.error("Empty objects are not allowed")

    def _alternatives(self, branches: list[dict[str, Wanted]], path: tuple[str, ...], location: Location) -> None:
        before = [dict(branch) for branch in branches] or [{}]
        branches.clear()
        if self._reader.next() != "[":
            raise self._reader.error(f"It must be an Array followed with {OR}.")
        count = 0
        while (kind := self._reader.next()) != "]":
            if kind != "{":
                raise self._reader.error(f"Only JSON object is allowed in array of {OR} relationship.")
            forked = [dict(branch) for branch in before]
            self._object(forked, path, (*location, count), inside_or=True)
            branches.extend(forked)
            count += 1
        if count < 2:
            raise self._reader.error(f"There must have at least 2 Objects in {OR} relationship.")

    def _field(self, branches: list[dict[str, Wanted]], path: tuple[str, ...], location: Location) -> None:
        conditions: list[Condition] = []
        while (kind := self._reader.next()) != "]":
            match kind:
                case "{":
                    conditions.append(self._operator())
                case "string":
                    conditions.append(Equals(self._reader.text()))
                case "number":
                    conditions.append(Equals(Decimal(self._reader.text())))
                case "true" | "false" | "null":
                    conditions.append(Equals({"true": True, "false": False, "null": None}[kind]))
                case _:
                    raise self._reader.error("Match value must be String, number, true, false, or null")
        if not conditions:
            raise self._reader.error("Empty arrays are not allowed")
        wanted = Wanted(path, tuple(conditions), location)
        if not branches:
            branches.append({})
        for branch in branches:
            branch[wanted.name] = wanted  # a repeated key: the last one counts

    def _operator(self) -> Condition:
        if self._reader.next() != "field":
            raise self._reader.error("Match expression name not found")
        name = self._reader.text()
        if self._dialect == "sns" and name == "wildcard":
            raise self._reader.error(f"Unrecognized match type {name}")
        match name:
            case "exactly":
                return self._single(Equals(self._string("exact match pattern must be a string")))
            case "prefix" | "suffix":
                return self._affix(name)
            case "numeric":
                if self._reader.next() != "[":
                    raise self._reader.error("Value of numeric must be an array.")
                found: Condition = self._numeric()
                self._end("Too many elements in numeric expression")
                return found
            case "anything-but":
                return self._anything_but()
            case "exists":
                kind = self._reader.next()
                if kind not in ("true", "false"):
                    raise self._reader.error("exists match pattern must be either true or false.")
                return self._single(Exists(kind == "true"))
            case "cidr":
                return self._single(_network(self._string("prefix match pattern must be a string")))
            case "equals-ignore-case":
                return self._single(EqualsIgnoreCase(self._string("equals-ignore-case match pattern must be a string")))
            case "wildcard":
                return self._single(self._wildcard(self._string("wildcard match pattern must be a string")))
        raise self._reader.error(f"Unrecognized match type {name}")

    def _string(self, complaint: str) -> str:
        if self._reader.next() != "string":
            raise self._reader.error(complaint)
        return self._reader.text()

    def _end(self, complaint: str) -> None:
        if self._reader.next() != "}":
            raise self._reader.error(complaint)

    def _single(self, condition: Condition) -> Condition:
        self._end("Only one key allowed in match expression")
        return condition

    def _affix(self, kind: Literal["prefix", "suffix"]) -> Condition:
        value = self._reader.next()
        if value == "{" and self._dialect == "ruler":
            if self._reader.next() != "field":
                raise self._reader.error(f"{kind.capitalize()} expression name not found")
            if (name := self._reader.text()) != "equals-ignore-case":
                raise self._reader.error(f"Unsupported {kind} pattern: {name}")
            text = self._string("equals-ignore-case match pattern must be a string")
            self._end("Only one key allowed in match expression")
            return self._single(Affix(kind, text, ignore_case=True))
        if value != "string":
            raise self._reader.error(f"{kind} match pattern must be a string")
        return self._single(Affix(kind, self._reader.text()))

    def _anything_but(self) -> Condition:
        name = ""
        value = self._reader.next()
        if value == "{":
            if self._reader.next() != "field":
                raise self._reader.error("Anything-But expression name not found")
            name = self._reader.text()
            supported = ("equals-ignore-case", "prefix", "suffix", "wildcard")
            if name not in (supported if self._dialect == "ruler" else ("prefix",)):
                raise self._reader.error(f"Unsupported anything-but pattern: {name}")
            value = self._reader.next()
            if self._dialect == "sns" and value != "string":
                raise self._reader.error("prefix match pattern must be a string")
        if value not in ("[", "string", "number"):
            raise self._reader.error("Value of anything-but must be an array or single string/number value.")
        conditions = self._excluded_list(name) if value == "[" else (self._excluded(name),)
        complaint = "Too many elements in numeric expression"
        self._end(complaint)
        if name:
            self._end(complaint)
        return AnythingBut(conditions)

    def _excluded_list(self, name: str) -> tuple[Condition, ...]:
        conditions: list[Condition] = []
        kinds = set()
        try:
            while (kind := self._reader.next()) != "]":
                kinds.add(kind)
                if not name and kind not in ("string", "number"):
                    raise self._reader.error("Inside anything but list, start|null|boolean is not supported.")
                conditions.append(self._excluded(name))
        except PatternSyntaxError as error:
            raise self._reader.error(error.message, error.place) from error  # AWS names the place twice
        if not name and len(kinds) != 1:
            raise self._reader.error(
                "Inside anything but list, either all values are number or string, mixed type is not supported"
            )
        return tuple(conditions)

    def _excluded(self, name: str) -> Condition:
        if not name:
            text = self._reader.text()
            return Equals(Decimal(text) if self._reader.kind == "number" else text)
        if self._reader.kind != "string":
            match name:
                case "equals-ignore-case":
                    raise self._reader.error(
                        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
                    )
                case "wildcard":
                    raise self._reader.error("wildcard match pattern must be a string")
            raise self._reader.error("prefix/suffix match pattern must be a string")
        text = self._reader.text()
        match name:
            case "equals-ignore-case":
                return EqualsIgnoreCase(text)
            case "wildcard":
                return self._wildcard(text)
        if not text:
            raise self._reader.error("Null prefix/suffix not allowed")
        return Affix("prefix" if name == "prefix" else "suffix", text)

    def _wildcard(self, text: str) -> Wildcard:
        raw = f'"{text}"'.encode()
        position = 0
        while position < len(raw):
            two = raw[position : position + 2]
            if two == b"**":
                raise self._reader.error(f"Consecutive wildcard characters at pos {position}")
            if two[:1] == b"\\":
                if two not in (b"\\*", b"\\\\"):
                    raise self._reader.error(f"Invalid escape character at pos {position}")
                position += 1
            position += 1
        return Wildcard(text)

    def _numeric(self) -> NumericRange:
        if self._reader.next() != "string":
            raise self._reader.error(f"Invalid member in numeric match: {self._reader.text()}")
        operator = self._reader.text()
        if operator not in ("=", "<", "<=", ">", ">="):
            self._reader.next()
            raise self._reader.error(f"Unrecognized numeric range operator: {operator}")
        first = self._number("equals" if operator == "=" else operator)
        following = self._reader.next()
        if operator in ("=", "<", "<="):
            if following != "]":
                raise self._reader.error("Too many elements in numeric expression")
            if operator == "=":
                return NumericRange(first, True, first, True)
            return NumericRange(top=first, top_included=operator == "<=")
        if following == "]":
            return NumericRange(first, operator == ">=")
        if following != "string":
            raise self._reader.error(f"Bad value in numeric range: {self._reader.text()}")
        second = self._reader.text()
        if second not in ("<", "<="):
            raise self._reader.error(f"Bad numeric range operator: {second}")
        top = self._number(second)
        if self._reader.next() != "]":
            raise self._reader.error("Too many terms in numeric range expression")
        if not first < top:
            raise self._reader.error("Bottom must be less than top")
        return NumericRange(first, operator == ">=", top, second == "<=")

    def _number(self, operator: str) -> Decimal:
        if self._reader.next() != "number":
            raise self._reader.error(f"Value of {operator} must be numeric")
        value = Decimal(self._reader.text())
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-numeric-matching
        if abs(value) > _LARGEST:
            raise self._reader.error("Value must be between -5.0E9 and 5.0E9, inclusive")
        return value


def _network(cidr: str) -> Network:
    """AWS names no place for these."""
    if cidr.rstrip("/").count("/") != 1:
        raise PatternSyntaxError("Malformed CIDR, one '/' required")
    host, mask = cidr.rstrip("/").split("/")
    try:
        bits = int(mask)
    except ValueError:
        raise PatternSyntaxError("Malformed CIDR, mask bits must be an integer") from None
    if bits < 0:
        raise PatternSyntaxError("Malformed CIDR, mask bits must not be negative")
    if (found := address(host)) is None:
        raise PatternSyntaxError(f"Nonstandard IP address: {host}")
    if bits >= found.max_prefixlen:
        raise PatternSyntaxError(f"IPv{found.version} mask bits must be < {found.max_prefixlen}")
    return Network(cidr)


def _wildcards(wanted: Wanted) -> list[str]:
    inner = [
        excluded
        for condition in wanted.conditions
        for excluded in (condition.conditions if isinstance(condition, AnythingBut) else (condition,))
    ]
    return [condition.pattern for condition in inner if isinstance(condition, Wildcard)]
