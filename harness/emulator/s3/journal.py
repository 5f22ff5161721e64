"""Records how a bucket's notification configuration matches an event, and each notification.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

from collections.abc import Mapping
from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal.activity import activity
from harness.emulator.journal.causes import last_error
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import patched
from harness.journal.records import Kind


def install() -> None:
    when_loaded("s3", _patch)


def _patch() -> None:
    from localstack.services.s3 import notifications

    @patched(
        notifications.NotificationDispatcher.send_notifications,
        because="notifications of buckets are recorded",
        layer=1,
    )
    def send_notifications(original: Any, self: Any, context: Any, configuration: Mapping[str, Any]) -> None:
        if JOURNAL.enabled:
            for kind, configured in configuration.items():
                for one in configured if isinstance(configured, list) else [configured]:
                    _note_decision(notifications, self.notifiers[kind], context, one)
        original(self, context, configuration)

    @patched(notifications.NotificationDispatcher._submit_notification, because="notifications of buckets are recorded")
    def submit(_original: Any, self: Any, notifier: Any, context: Any, configuration: Mapping[str, Any]) -> None:
        self.executor.submit(_notify, notifier, context, configuration)


def _notify(notifier: Any, context: Any, configuration: Mapping[str, Any]) -> None:
    with (
        activity(
            Kind.DELIVERY,
            service="s3",
            name=configuration.get("Id") or "EventBridge",
            resource=f"arn:aws:s3:::{context.bucket_name}",
            data={
                "source": f"arn:aws:s3:::{context.bucket_name}",
                "target": _target(configuration),
                "event": {"name": context.event_type, "key": context.key_name},
            },
        ) as delivery,
        last_error() as error,
    ):
        # It logs what goes wrong and raises nothing.
        notifier.notify(context, configuration)
        if error:
            delivery.ended["error"] = error


def _target(configuration: Mapping[str, Any]) -> str:
    return next(
        (str(configuration[k]) for k in ("QueueArn", "TopicArn", "LambdaFunctionArn") if k in configuration), "events"
    )


def _note_decision(notifications: Any, notifier: Any, context: Any, configuration: Mapping[str, Any]) -> None:
    passed = notifier.should_notify(context, configuration)
    reason = None
    if not passed:
        wanted = notifications._matching_event(configuration["Events"], context.event_type)
        reason = "KeyFilter" if wanted else "EventType"
    JOURNAL.note(
        Kind.DECISION,
        service="s3",
        name=configuration.get("Id") or "EventBridge",
        resource=f"arn:aws:s3:::{context.bucket_name}",
        data={
            "rule": configuration.get("Id") or "EventBridge",
            "passed": passed,
            **({"reason": reason} if reason else {}),
            "pattern": {k: configuration[k] for k in ("Events", "Filter") if k in configuration},
            "target": _target(configuration),
            "event": {"name": context.event_type, "bucket": context.bucket_name, "key": context.key_name},
        },
    )
