"""S3's notifications where LocalStack 4.14.0 differs from S3, and configurations that S3 refuses.

It says one sequencer for every event, URL-encodes keys in another way, and for EventBridge, too, and takes configurations that
S3 finds ambiguous.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from localstack.aws.api.s3 import InvalidArgument

from harness.emulator.host.attachments import SEQUENCER
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched, replaced

_REASONS = {
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
_SECTIONS = ("LambdaFunctionConfigurations", "QueueConfigurations", "TopicConfigurations")


class Sequencers:
    """Hexadecimal, each greater than all before: a time in seconds with a fraction of 32 bits, as AWS's look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> str:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        with self._lock:
            self._last = max(self._last + 1, (seconds << 32) | (nanoseconds << 32) // 1_000_000_000)
            return f"{self._last:018X}"


@dataclass(frozen=True, slots=True)
class NotificationRule:
    """Which events one configuration is about."""

    events: frozenset[str]
    prefix: str
    suffix: str

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> "NotificationRule":
        rules = ((configuration.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
        named = {str(rule.get("Name", "")).lower(): str(rule.get("Value", "")) for rule in rules}
        return cls(frozenset(configuration.get("Events") or ()), named.get("prefix", ""), named.get("suffix", ""))

    def overlaps(self, other: "NotificationRule") -> bool:
        """Whether one object could be notified of by both."""
        prefixes = self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)
        suffixes = self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix)
        events = any(_same_kind(one, another) for one in self.events for another in other.events)
        return prefixes and suffixes and events


def _same_kind(one: str, another: str) -> bool:
    if one.endswith("*") or another.endswith("*"):
        return one.rstrip("*").startswith(another.rstrip("*")) or another.rstrip("*").startswith(one.rstrip("*"))
    return one == another


def refuse_ambiguous(configurations: Mapping[str, Any]) -> None:
    """Raises InvalidArgument where two configurations are about the same events of the same keys
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html)."""
    rules = list(_rules(configurations))
    for index, one in enumerate(rules):
        if any(one.overlaps(other) for other in rules[index + 1 :]):
            raise InvalidArgument(
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
                "overlapping for the same event type."
            )


def _rules(configurations: Mapping[str, Any]) -> Iterator[NotificationRule]:
    for section in _SECTIONS:
        for configuration in configurations.get(section) or ():
            yield NotificationRule.of(configuration)


def install() -> None:
    when_loaded("s3", _patch)


def _patch() -> None:
    from localstack.services.s3 import notifications

    sequencers = Sequencers()

    @patched(
        notifications.NotificationDispatcher.send_notifications,
        because="all events have the same sequencer",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html",
    )
    def send_notifications(original: Any, self: Any, context: Any, configuration: Any) -> None:
        # One event for all of its targets.
        SEQUENCER[context] = sequencers.next()
        original(self, context, configuration)

    patched(
        notifications.NotificationDispatcher.verify_configuration,
        because="configurations are taken that S3 finds ambiguous",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html",
    )(_verify_configuration)

    records_of, entry_of = (
        notifications.BaseNotifier._get_event_payload,
        notifications.EventBridgeNotifier._get_event_payload,
    )

    def records(context: Any, config_id: Any) -> Any:
        told = records_of(context, config_id)
        for record in told["Records"]:
            about = record["s3"]["object"]
            _put_sequencer(about, context)
            # As in a form: a space is a plus sign.
            about["key"] = about["key"].replace("%20", "+")
        return told

    def entry(context: Any, config_id: Any = None) -> Any:
        told = entry_of(context, config_id)
        detail = json.loads(told["Detail"])
        _put_sequencer(detail["object"], context)
        detail["object"]["key"] = unquote(detail["object"]["key"])
        if context.event_type in _REASONS:
            detail["reason"] = _REASONS[context.event_type]
        return {**told, "Detail": json.dumps(detail)}

    replaced(
        notifications.BaseNotifier,
        "_get_event_payload",
        staticmethod(records),
        because="keys are URL-encoded in another way",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html",
    )
    replaced(
        notifications.EventBridgeNotifier,
        "_get_event_payload",
        staticmethod(entry),
        because="keys are URL-encoded for EventBridge, too",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html",
    )


def _verify_configuration(original: Any, self: Any, configurations: Any, *arguments: Any) -> None:
    refuse_ambiguous(configurations)
    original(self, configurations, *arguments)


def _put_sequencer(told: dict[str, Any], context: Any) -> None:
    if "sequencer" in told:
        told["sequencer"] = SEQUENCER[context]
