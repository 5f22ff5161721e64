"""The filters of Lambda's event source mappings
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html).

A filter is an event pattern on one record. The record's data (an SQS `body`, Kinesis `data`) is parsed as JSON if the
pattern requires it, and a record whose data does not fit the pattern is dropped:

| the data is | the pattern requires of it | the record |
|---|---|---|
| JSON | an object | is compared |
| a plain string | a list of strings | is compared (SQS; Kinesis refuses such a filter) |
| either | nothing | is compared by its other fields |
| JSON | a list of strings | is dropped |
| a plain string | an object | is dropped |

(https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html,
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html)
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.topology.document_structure import read_json
from harness.topology.patterns.compiler import Branch, as_text, compile_pattern
from harness.topology.patterns.evaluation import match_branches
from harness.topology.patterns.json_reader import PatternSyntaxError
from harness.topology.patterns.match import MATCHED, Match, Refusal

Source = Literal["sqs", "kinesis", "dynamodb"]

_DATA_KEYS: Mapping[Source, str] = {"sqs": "body", "kinesis": "data"}


class InvalidFilterError(ValueError):
    """AWS's InvalidParameterValueException: `str()` is the message of CreateEventSourceMapping."""

    code = "InvalidParameterValueException"


@dataclass(frozen=True)
class EventSourceFilters:
    """What an event source mapping passes to its function: records that any of the filters accepts; without filters, all."""

    source: Source
    texts: tuple[str, ...]
    compiled: tuple[tuple[Branch, ...], ...]

    @classmethod
    def parse(cls, source: Source, patterns: Sequence[str | Mapping[str, Any]]) -> "EventSourceFilters":
        """Read the `Pattern` of each filter, as JSON text or as data. Raises InvalidFilterError with AWS's message."""
        texts = tuple(as_text(pattern) for pattern in patterns)
        try:
            compiled = tuple(compile_pattern(text) for text in texts)
        except PatternSyntaxError as error:
            raise InvalidFilterError("Invalid filter pattern definition.") from error
        if source == "kinesis" and any(_asks_for_strings(branches, "data") for branches in compiled):
            raise InvalidFilterError("Invalid filter pattern definition.")
        return cls(source, texts, compiled)

    def match(self, record: Mapping[str, Any]) -> Match:
        """Match a record of a Lambda event against them. The refusals are those of every filter, in their order; their location
        begins with the filter's index."""
        refusals: list[Refusal] = []
        for index, branches in enumerate(self.compiled):
            match = self._match(branches, record)
            if match:
                return MATCHED
            refusals += [replace(refusal, location=(index, *refusal.location)) for refusal in match.refusals]
        return Match(tuple(refusals))

    def _match(self, branches: tuple[Branch, ...], record: Mapping[str, Any]) -> Match:
        seen = {**record, **record.get("kinesis", {})} if self.source == "kinesis" else dict(record)
        if not (key := _DATA_KEYS.get(self.source)):
            return match_branches(branches, seen)
        wants_strings, wants_object = _asks_for_strings(branches, key), _asks_for_object(branches, key)
        if wants_strings or wants_object:
            data = _text(seen.get(key)) if self.source == "kinesis" else seen.get(key)
            is_json, parsed = _parse(data)
            if wants_object and not isinstance(parsed, Mapping):
                return _dropped(key, "a JSON object", f"{'other JSON' if is_json else 'no JSON'}: {_short(data)}")
            if wants_strings and is_json:
                return _dropped(key, "a plain string", f"JSON: {_short(data)}")
            seen[key] = parsed if wants_object else data
        return match_branches(branches, seen)


def _asks_for_strings(branches: tuple[Branch, ...], key: str) -> bool:
    return any(wanted.path == (key,) for branch in branches for wanted in branch.values())


def _asks_for_object(branches: tuple[Branch, ...], key: str) -> bool:
    return any(wanted.path[0] == key and len(wanted.path) > 1 for branch in branches for wanted in branch.values())


def _text(data: Any) -> Any:
    """Kinesis's data, which a record has in base64."""
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError, TypeError):
        return data


def _parse(data: Any) -> tuple[bool, Any]:
    try:
        return True, read_json(data)
    except (ValueError, TypeError):
        return False, None


def _short(data: Any) -> str:
    text = str(data)
    return f"'{text[:40]}...'" if len(text) > 40 else f"'{text}'"


def _dropped(key: str, wanted: str, found: str) -> Match:
    sentence = f"{key}: the filter wants {wanted} there, the record has {found}. Lambda drops such a record."
    return Match((Refusal((key,), wanted, found, sentence, (key,)),))
