"""SNS's subscription filter policies (https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.topology.document_structure import read_json
from harness.topology.patterns.compiler import Branch, as_text, compile_pattern
from harness.topology.patterns.evaluation import match_branches
from harness.topology.patterns.match import Match, Refusal

Scope = Literal["MessageAttributes", "MessageBody"]

# https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
_MOST_KEYS = 5
_MOST_COMBINATIONS = 150


class InvalidFilterPolicyError(ValueError):
    """AWS's InvalidParameter: `str()` is the message of SetSubscriptionAttributes.

    Subscribe returns "Invalid parameter: Attributes Reason: " instead of "Invalid parameter: ".
    """

    code = "InvalidParameter"


@dataclass(frozen=True)
class FilterPolicy:
    """What a subscription requires of a message: of its attributes, or of its body, which must then be a JSON object."""

    text: str
    scope: Scope
    branches: tuple[Branch, ...]

    @classmethod
    def parse(cls, policy: str | Mapping[str, Any], scope: str | None = None) -> "FilterPolicy":
        """Read a policy, as JSON text or as data; the scope is MessageAttributes by default.

        Raises InvalidFilterPolicyError with AWS's message.
        """
        if scope not in (None, "MessageAttributes", "MessageBody"):
            raise InvalidFilterPolicyError(
                f"Invalid parameter: FilterPolicyScope: Invalid value [{scope}]. "
                "Please use either MessageBody or MessageAttributes"
            )
        text = as_text(policy)
        try:
            branches = compile_pattern(text, "sns")
            body = read_json(text)
        except ValueError as error:
            raise InvalidFilterPolicyError(f"Invalid parameter: FilterPolicy: {error}") from error
        found = cls(text, "MessageBody" if scope == "MessageBody" else "MessageAttributes", branches)
        found._check_limits(body)
        return found

    def _check_limits(self, body: Mapping[str, Any]) -> None:
        # In a nested policy only the top-level keys count.
        if len(body) > _MOST_KEYS:
            raise InvalidFilterPolicyError(
                f"Invalid parameter: FilterPolicy: Filter policy can not have more than {_MOST_KEYS} keys"
            )
        # Each array counts as its number of values times the levels above it; the alternatives of $or add up.
        combinations = sum(
            math.prod(len(wanted.conditions) * len(wanted.path) for wanted in branch.values())
            for branch in self.branches
        )
        if combinations > _MOST_COMBINATIONS:
            raise InvalidFilterPolicyError("Invalid parameter: FilterPolicy: Filter policy is too complex")
        nested = any(len(wanted.path) > 1 for branch in self.branches for wanted in branch.values())
        if self.scope == "MessageAttributes" and nested:
            raise InvalidFilterPolicyError(
                "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy"
            )

    def match(self, message: str, attributes: Mapping[str, Mapping[str, Any]] | None = None) -> Match:
        """Match a message against it: its body, and its attributes in Publish's form (DataType, StringValue), or in the form of
        a delivery (Type, Value)."""
        if self.scope == "MessageAttributes":
            match = match_branches(self.branches, attribute_values(attributes or {}))
            return Match(tuple(_in_words_of_attributes(refusal, message) for refusal in match.refusals))
        body = _json(message)
        if isinstance(body, dict):
            return match_branches(self.branches, body)
        found = "no JSON" if body is None else "JSON that is no object"
        sentence = f"The policy is about the message's body, which must be a JSON object; it is {found}."
        return Match((Refusal((), "a JSON object as body", found, sentence),))


def attribute_values(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The message attributes as the values that policies compare
    (https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html). Binary ones take no part.
    """
    values: dict[str, Any] = {}
    for name, attribute in attributes.items():
        kind = str(attribute.get("DataType", attribute.get("Type", "String")))
        text = attribute.get("StringValue", attribute.get("Value", ""))
        if kind.startswith("Binary"):
            continue
        parsed = _json(text) if kind == "String.Array" or kind.startswith("Number") else text
        wrong = not isinstance(parsed, list) if kind == "String.Array" else parsed is None
        values[name] = text if wrong else parsed
    return values


def _in_words_of_attributes(refusal: Refusal, message: str) -> Refusal:
    """A policy on attributes that was meant for the body is the most common way to lose a message here."""
    sentence = f"Message attribute {refusal.sentence.replace('the event has', 'the message has')}"
    body = _json(message)
    if isinstance(body, dict) and refusal.path and refusal.path[0] in body:
        scopes = "but the policy's scope is MessageAttributes, not MessageBody."
        sentence = f"{sentence[:-1]}; the body has {refusal.path[0]}, {scopes}"
    return Refusal(refusal.path, refusal.wanted, refusal.found, sentence, refusal.location)


def _json(text: Any) -> Any:
    """The value of a JSON text; None if it is not JSON (or null, which is useless too)."""
    try:
        return read_json(text)
    except (ValueError, TypeError):
        return None
