"""The conditions of a policy's statement, and whether a request meets them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from harness.emulator.access.wildcards import compiled, literal, substitute

Facts = Mapping[str, tuple[str, ...]]
"""What is known of a request: condition keys in lower case, each with its values."""

UNKNOWN = ("\ue002",)
"""Values that AWS would know and the emulator does not: what is asked of them counts as met."""

Test = Callable[[str, str], bool]
"""`(value of the request, value of the policy)` -> whether they agree."""


class ConditionError(ValueError):
    """An operator that IAM does not have."""


@dataclass(frozen=True, slots=True)
class PolicyCondition:
    """One key under one operator."""

    operator: str
    """As AWS writes it, without prefix and suffix: `StringNotLike`."""
    key: str
    """In lower case: IAM compares keys without regard to case."""
    values: tuple[str, ...]
    quantifier: str | None = None
    if_exists: bool = False


Block = tuple[PolicyCondition, ...]


def parse(block: Mapping[str, Mapping[str, Any]]) -> Block:
    """The element `Condition` of a statement. Raises ConditionError."""
    found = []
    for written, keys in block.items():
        quantifier, _, rest = written.rpartition(":")
        if quantifier.lower() not in ("", "forallvalues", "foranyvalue"):
            raise ConditionError(
                f"condition operator {written!r}: {quantifier!r} is neither ForAllValues nor ForAnyValue"
            )
        if_exists = rest.lower().endswith("ifexists")
        operator = rest[: -len("IfExists")] if if_exists else rest
        if operator.lower() not in OPERATORS or (if_exists and operator.lower() == "null"):
            raise ConditionError(f"IAM has no condition operator {written!r}")
        for key, values in keys.items():
            listed = values if isinstance(values, list | tuple) else [values]
            texts = tuple(_text(v) for v in listed)
            found.append(PolicyCondition(operator.lower(), key.lower(), texts, quantifier.lower() or None, if_exists))
    return tuple(found)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def met(block: Block, facts: Facts) -> bool:
    """Whether every condition of the block is met: keys are joined by AND, the values of a key by OR."""
    return all(_is_met(condition, facts) for condition in block)


def failing(block: Block, facts: Facts) -> Block:
    """The conditions of the block that are not met."""
    return tuple(condition for condition in block if not _is_met(condition, facts))


def _is_met(condition: PolicyCondition, facts: Facts) -> bool:
    present = facts.get(condition.key)
    if present is UNKNOWN:
        return True
    if condition.operator == "null":
        # "true": the key must be absent.
        return any((v.lower() == "true") == (present is None) for v in condition.values)
    negated, test = OPERATORS[condition.operator]
    if condition.quantifier == "forallvalues":
        # True as well when the request has no value
        # (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
        return all(_agrees(test, negated, v, condition, facts) for v in present or ())
    if condition.quantifier == "foranyvalue":
        return any(_agrees(test, negated, v, condition, facts) for v in present or ())
    if present is None:
        # A negated operator is met where the key is absent, and so is ...IfExists.
        return negated or condition.if_exists
    if negated:
        return all(_agrees(test, negated, v, condition, facts) for v in present)
    return any(_agrees(test, negated, v, condition, facts) for v in present)


def _agrees(test: Test, negated: bool, value: str, condition: PolicyCondition, facts: Facts) -> bool:
    """One value of the request against all of the policy's: one of them for a plain operator, none for a negated."""
    expected = (substitute(v, facts) for v in condition.values)
    found = any(text is not None and _safely(test, value, text) for text in expected)
    return found != negated


def _safely(test: Test, value: str, expected: str) -> bool:
    """A value that is no date, number or address compares with none."""
    try:
        return test(value, expected)
    except (ValueError, InvalidOperation, binascii.Error, OverflowError):
        return False


def _arn_like(value: str, pattern: str) -> bool:
    """Wildcards do not reach over the colons of the first five parts."""
    parts, patterns = value.split(":", 5), pattern.split(":", 5)
    if len(patterns) < 6 or len(parts) < 6:
        return pattern == "*" or compiled(pattern).fullmatch(value) is not None
    return all(compiled(p).fullmatch(v) is not None for v, p in zip(parts, patterns, strict=True))


def _date(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _in_network(value: str, network: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(literal(network), strict=False)


def _on(convert: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Test:
    return lambda value, expected: compare(convert(value), convert(literal(expected)))


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b)


def _like(value: str, pattern: str) -> bool:
    return compiled(pattern).fullmatch(value) is not None


OPERATORS: dict[str, tuple[bool, Test]] = {
    "stringequals": (False, _on(str, _equal)),
    "stringnotequals": (True, _on(str, _equal)),
    "stringequalsignorecase": (False, _on(str.casefold, _equal)),
    "stringnotequalsignorecase": (True, _on(str.casefold, _equal)),
    "stringlike": (False, _like),
    "stringnotlike": (True, _like),
    "numericequals": (False, _on(Decimal, _equal)),
    "numericnotequals": (True, _on(Decimal, _equal)),
    "numericlessthan": (False, _on(Decimal, lambda a, b: a < b)),
    "numericlessthanequals": (False, _on(Decimal, lambda a, b: a <= b)),
    "numericgreaterthan": (False, _on(Decimal, lambda a, b: a > b)),
    "numericgreaterthanequals": (False, _on(Decimal, lambda a, b: a >= b)),
    "dateequals": (False, _on(_date, _equal)),
    "datenotequals": (True, _on(_date, _equal)),
    "datelessthan": (False, _on(_date, lambda a, b: a < b)),
    "datelessthanequals": (False, _on(_date, lambda a, b: a <= b)),
    "dategreaterthan": (False, _on(_date, lambda a, b: a > b)),
    "dategreaterthanequals": (False, _on(_date, lambda a, b: a >= b)),
    "bool": (False, _on(str.lower, _equal)),
    "binaryequals": (False, _on(base64.b64decode, _equal)),
    "ipaddress": (False, _in_network),
    "notipaddress": (True, _in_network),
    # The two pairs are the same in IAM.
    "arnequals": (False, _arn_like),
    "arnlike": (False, _arn_like),
    "arnnotequals": (True, _arn_like),
    "arnnotlike": (True, _arn_like),
    "null": (False, _equal),
}
"""By their names in lower case: whether they are negated, and the test."""
