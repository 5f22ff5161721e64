"""The pattern languages by which AWS decides who gets an event, evaluated here, each with its reasons.

`EventPattern` (EventBridge), `FilterPolicy` (SNS), `EventSourceFilters` (Lambda) and `ObjectFilter` (S3) are parsed from
what a template says, which raises AWS's own error, and answer `match(...)` with a `Match`: true, or false with the fields
that were refused. This package knows no template, no engine and no AWS API.

The first three are one language, AWS's Event Ruler (https://github.com/aws/event-ruler, Java). The Python package of it,
`event-ruler`, is from 2023, a compiled library for Linux alone, and says yes or no without a reason; moto's and
LocalStack's are parts of theirs, without a reason too.
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
