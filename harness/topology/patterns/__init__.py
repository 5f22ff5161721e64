"""The pattern languages by which AWS decides who gets an event, evaluated here with a reason for each result.

`EventPattern` (EventBridge), `FilterPolicy` (SNS), `EventSourceFilters` (Lambda) and `ObjectFilter` (S3) are parsed from
a template's values, which raises AWS's error, and `match(...)` returns a `Match`: true, or false with the refused
fields. This package knows no template, no engine and no AWS API.

The first three are one language, AWS's Event Ruler (https://github.com/aws/event-ruler, Java). Its Python package,
`event-ruler`, is from 2023, is a compiled library for Linux only, and gives no reasons; moto's and LocalStack's
implementations are internal to them and give no reasons either.
"""

from harness.topology.patterns.event_pattern import EventPattern, InvalidEventPatternError
from harness.topology.patterns.event_source_filter import EventSourceFilters, InvalidFilterError
from harness.topology.patterns.filter_policy import FilterPolicy, InvalidFilterPolicyError
from harness.topology.patterns.match import Match, Refusal
from harness.topology.patterns.object_filter import ObjectFilter

__all__ = [
    "EventPattern",
    "EventSourceFilters",
    "FilterPolicy",
    "InvalidEventPatternError",
    "InvalidFilterError",
    "InvalidFilterPolicyError",
    "Match",
    "ObjectFilter",
    "Refusal",
]
