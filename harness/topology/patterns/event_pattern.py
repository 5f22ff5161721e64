"""EventBridge's event patterns (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.topology.patterns.compiler import Branch, as_text, compile_pattern
from harness.topology.patterns.evaluation import match_branches
from harness.topology.patterns.json_reader import PatternSyntaxError
from harness.topology.patterns.match import Match


class InvalidEventPatternError(ValueError):
    """AWS's InvalidEventPatternException: `str()` is the message of PutRule and TestEventPattern."""

    code = "InvalidEventPatternException"


@dataclass(frozen=True)
class EventPattern:
    """What a rule, an archive or a pipe requires of an event."""

    text: str
    branches: tuple[Branch, ...]

    @classmethod
    def parse(cls, pattern: str | Mapping[str, Any]) -> "EventPattern":
        """Read a pattern, as JSON text or as data. Raises InvalidEventPatternError with AWS's message."""
        text = as_text(pattern)
        try:
            return cls(text, compile_pattern(text))
        except PatternSyntaxError as error:
            raise InvalidEventPatternError(f"Event pattern is not valid. Reason: {error}") from error

    def match(self, event: Mapping[str, Any]) -> Match:
        """Match an event against it: the whole envelope (source, detail-type, detail ...), as a target gets it."""
        return match_branches(self.branches, event)
