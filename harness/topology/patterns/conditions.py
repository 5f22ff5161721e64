"""The conditions on one value: equal, begins with, a number in a range, in a network ...

A condition sees single values (strings, numbers, booleans, null), never arrays and objects, which are flattened first
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html).
"""

import ipaddress
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, Protocol

Scalar = str | int | float | Decimal | bool | None

_IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+")
_IPV6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")


class Condition(Protocol):
    def accepts(self, value: Scalar) -> bool:
        """Whether an existing value satisfies it."""

    def describe(self) -> str:
        """The required value, to follow "it wants"."""


def show(value: Any) -> str:
    """A value as shown in a sentence."""
    if isinstance(value, str):
        return f"'{value}'"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def number(value: Scalar) -> Decimal | None:
    """The value as a number; None if it is not a number. Booleans and strings of digits are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return value if isinstance(value, Decimal) else Decimal(str(value))


def address(text: Scalar) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not isinstance(text, str) or not (_IPV4.fullmatch(text) or _IPV6.fullmatch(text)):
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class Equals:
    """The value itself: numbers by their value (300 is 300.0), addresses in any notation, others unchanged."""

    value: Scalar

    def accepts(self, value: Scalar) -> bool:
        if (wanted := number(self.value)) is not None:
            return number(value) == wanted
        if isinstance(self.value, str) and (wanted_address := address(self.value)):
            return address(value) == wanted_address
        return type(value) is type(self.value) and value == self.value

    def describe(self) -> str:
        return show(self.value)


@dataclass(frozen=True)
class Affix:
    """The text begins or ends with another."""

    kind: Literal["prefix", "suffix"]
    text: str
    ignore_case: bool = False

    def accepts(self, value: Scalar) -> bool:
        if not isinstance(value, str):
            return False
        whole, part = (value.lower(), self.text.lower()) if self.ignore_case else (value, self.text)
        return whole.startswith(part) if self.kind == "prefix" else whole.endswith(part)

    def describe(self) -> str:
        verb = "begins" if self.kind == "prefix" else "ends"
        return f"a text that {verb} with {show(self.text)}" + (" in any case" if self.ignore_case else "")


@dataclass(frozen=True)
class EqualsIgnoreCase:
    text: str

    def accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.lower() == self.text.lower()

    def describe(self) -> str:
        return f"{show(self.text)} in any case"


@dataclass(frozen=True)
class Wildcard:
    r"""`*` stands for any text, `\*` and `\\` for themselves."""

    pattern: str

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        pieces = [""]
        for part in re.findall(r"\\[*\\]|[^\\]", self.pattern, re.DOTALL):
            if part == "*":
                pieces.append("")
            else:
                pieces[-1] += re.escape(part[-1])
        first, *others = pieces
        # The first match of a piece is as good as any later one: the atomic group never backtracks.
        rest = "".join(f"(?>.*?{piece})" for piece in others[:-1]) + ".*" + others[-1] if others else ""
        return re.compile(first + rest, re.DOTALL)

    def accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and self._expression.fullmatch(value) is not None

    def describe(self) -> str:
        return f"a text like {show(self.pattern)}"


@dataclass(frozen=True)
class NumericRange:
    """A number between two bounds; None is no bound. Strings of digits are not numbers."""

    bottom: Decimal | None = None
    bottom_included: bool = False
    top: Decimal | None = None
    top_included: bool = False

    def accepts(self, value: Scalar) -> bool:
        if (found := number(value)) is None:
            return False
        above = self.bottom is None or found > self.bottom or (self.bottom_included and found == self.bottom)
        return above and (self.top is None or found < self.top or (self.top_included and found == self.top))

    def describe(self) -> str:
        if self.bottom is not None and self.bottom == self.top:
            return f"the number {self.bottom}"
        bounds = []
        if self.bottom is not None:
            bounds.append(f"{'>=' if self.bottom_included else '>'} {self.bottom}")
        if self.top is not None:
            bounds.append(f"{'<=' if self.top_included else '<'} {self.top}")
        return "a number " + " and ".join(bounds)


@dataclass(frozen=True)
class Network:
    """An address in a network in CIDR notation."""

    cidr: str

    @cached_property
    def _network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        return ipaddress.ip_network(self.cidr, strict=False)

    def accepts(self, value: Scalar) -> bool:
        found = address(value)
        return found is not None and found.version == self._network.version and found in self._network

    def describe(self) -> str:
        return f"an address in {self.cidr}"


@dataclass(frozen=True)
class AnythingBut:
    """Any value, including null and other types, that none of the conditions accepts. The value must exist."""

    conditions: tuple[Condition, ...]

    def accepts(self, value: Scalar) -> bool:
        return not any(condition.accepts(value) for condition in self.conditions)

    def describe(self) -> str:
        return "anything but " + " or ".join(condition.describe() for condition in self.conditions)


@dataclass(frozen=True)
class Exists:
    """There is a value, any value (`wanted`), or there is none. An object or an empty array is no value."""

    wanted: bool

    def accepts(self, value: Scalar) -> bool:  # noqa: ARG002 - any value will do
        return self.wanted

    def describe(self) -> str:
        return "any value" if self.wanted else "no such field"
