"""Records how an SNS topic handles a message: each subscription's decision, each delivery, dropped messages.

https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
"""

import json
from collections.abc import Mapping
from typing import Any

from localstack.services.sns import publisher

from harness.emulator.journal import marks, payloads
from harness.emulator.journal.activity import GATHERED, activity, leave
from harness.emulator.journal.causes import doing
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import patched, replaced
from harness.journal.records import Kind


def install() -> None:
    @patched(publisher.PublishDispatcher._should_publish, because="deliveries of topics are recorded")
    def should_publish(original: Any, self: Any, policies: Any, message: Any, subscriber: Any) -> Any:
        passed = bool(original(self, policies, message, subscriber))
        policy = policies.get(subscriber["SubscriptionArn"])
        if policy or not passed:
            _note_decision(subscriber, message, policy, passed)
        return passed

    @patched(publisher.TopicPublisher.publish, because="deliveries of topics are recorded")
    def publish(original: Any, self: Any, context: Any, subscriber: Any) -> None:
        messages = getattr(context, "messages", None) or [context.message]
        with activity(
            Kind.DELIVERY,
            service="sns",
            name=subscriber["Protocol"],
            resource=subscriber["SubscriptionArn"],
            data={
                "source": subscriber["TopicArn"],
                "target": subscriber["Endpoint"],
                "raw": publisher.is_raw_message_delivery(subscriber),
                "message_ids": [message.message_id for message in messages],
                "event": [payloads.text(message.message_content(subscriber["Protocol"])) for message in messages],
            },
        ):
            if subscriber["Protocol"] in ("http", "https"):
                leave(*(marks.notification(subscriber["SubscriptionArn"], one.message_id) for one in messages))
            original(self, context, subscriber)

    give_up = publisher.sns_error_to_dead_letter_queue

    def give_up_recorded(subscriber: Any, message: str, error: str, **options: Any) -> Any:
        if (delivery := GATHERED.get()) is not None:
            delivery.ended["error"] = {"code": "DeliveryFailed", "message": error}
        target = json.loads(subscriber.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
        note = _note_dead_letter(subscriber, message, error, target)
        with doing(note):
            try:
                return give_up(subscriber, message, error, **options)
            except Exception as refused:
                _note_dead_letter(subscriber, message, str(refused), None, reason="DeadLetterQueueRefused")
                raise

    replaced(publisher, "sns_error_to_dead_letter_queue", give_up_recorded, because="deliveries of topics are recorded")


def _note_decision(subscriber: Mapping[str, Any], message: Any, policy: Any, passed: bool) -> None:
    pending = subscriber["PendingConfirmation"] != "false" and "email" not in subscriber["Protocol"]
    JOURNAL.note(
        Kind.DECISION,
        service="sns",
        name="filter policy" if policy else "subscription",
        resource=subscriber["SubscriptionArn"],
        data={
            "rule": subscriber["SubscriptionArn"],
            "passed": passed,
            **({} if passed else {"reason": "PendingConfirmation" if pending else "FilterPolicy"}),
            "scope": subscriber.get("FilterPolicyScope", "MessageAttributes"),
            "pattern": payloads.text(subscriber.get("FilterPolicy")),
            "target": subscriber["Endpoint"],
            "message_id": message.message_id,
            "attributes": message.message_attributes or {},
            "event": payloads.text(message.message_content(subscriber["Protocol"])),
        },
    )


def _note_dead_letter(
    subscriber: Mapping[str, Any], message: str, error: str, target: str | None, reason: str = "DeliveryFailed"
) -> Any:
    return JOURNAL.note(
        Kind.DEAD_LETTER,
        service="sns",
        name=subscriber["Protocol"],
        resource=subscriber["SubscriptionArn"],
        data={
            "source": subscriber["Endpoint"],
            **({"target": target} if target else {}),
            "reason": reason,
            "error": {"code": reason, "message": error},
            "event": payloads.text(message),
        },
    )
