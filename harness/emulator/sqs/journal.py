"""Records what happens to messages in SQS queues, whichever sender or reader.

Sending leaves a message's mark; receiving, deleting and purging take it. A message that its queue gives up goes to the
dead-letter queue under the same id, so its mark changes with the queue.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""

from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any

from localstack.config import INTERNAL_RESOURCE_ACCOUNT

from harness.emulator.controls.timers import TIMERS
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal import marks, payloads
from harness.emulator.journal.activity import leave, take
from harness.emulator.journal.causes import doing
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.journal.waiting import announce
from harness.emulator.patches import patched
from harness.journal.records import Kind

_MOVING: ContextVar[str] = ContextVar("harness_moving_from", default="")
"""The ARN of the dead-letter queue whose messages a move task moves in this thread."""


def install() -> None:
    when_loaded("sqs", _patch)


def visibility_timeout(queue_arn: str) -> dict[str, float]:
    """For how long a queue hides a message that a consumer received, by the setting that it has now."""
    queue = _queue(queue_arn)
    return {"visibility_timeout_seconds": queue.visibility_timeout} if queue is not None else {}


def note_hidden(queue_arn: str, message_ids: list[str]) -> dict[str, float]:
    """When messages in flight are shown again, in seconds since the epoch, which is announced; those that are no longer
    in flight are ignored.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
    """
    queue, name = _queue(queue_arn), queue_arn.rpartition(":")[2]
    if queue is None:
        return {}
    with queue.mutex:
        inflight = {message.message_id: message for message in queue.inflight}
    hidden = {}
    for one in message_ids:
        if one in inflight and (until := inflight[one].visibility_deadline) is not None:
            hidden[one] = until
            # It is of the flow of that message, not of all that the batch was about.
            with doing(None):
                note = announce(
                    "visibility timeout",
                    until,
                    service="sqs",
                    name=name,
                    resource=queue_arn,
                    takes=(marks.message(queue_arn, one),),
                )
            TIMERS.set(note.activity, partial(_show, queue, inflight[one], until))
    return hidden


def _show(queue: Any, message: Any, until: float) -> None:
    """Show a message again, unless a consumer has received it since."""
    with queue.mutex:
        if message in queue.inflight and message.visibility_deadline == until:
            message.update_visibility_timeout(0)
            queue.requeue_inflight_messages()


def _queue(queue_arn: str) -> Any:
    from localstack.services.sqs.models import sqs_stores

    _, _, _, region, account, name = queue_arn.split(":", 5)
    return sqs_stores[account][region].queues.get(name)


def _is_recorded(queue: Any) -> bool:
    """Lambda keeps the events of asynchronous invocations in queues that are its own business."""
    return JOURNAL.enabled and queue.account_id != INTERNAL_RESOURCE_ACCOUNT


def _messages(queue: Any) -> Iterator[Any]:
    """Every message of a queue: visible, in flight and delayed."""
    groups = getattr(queue, "message_groups", None)
    if groups is None:
        yield from list(queue.visible.queue)
    else:
        for group in list(groups.values()):
            yield from list(group.messages)
    yield from list(queue.inflight)
    yield from list(queue.delayed)


def _patch() -> None:
    from localstack.services.sqs.models import FifoQueue, SqsQueue, StandardQueue
    from localstack.services.sqs.provider import MessageMoveTaskManager

    @patched(StandardQueue.put, because="what happens to messages in queues is recorded", layer=2)
    def put(original: Any, self: Any, message: Any, *args: Any, **options: Any) -> Any:
        stored = original(self, message, *args, **options)
        if _is_recorded(self):
            _put(self, stored)
        return stored

    @patched(FifoQueue.put, because="what happens to messages in queues is recorded", layer=2)
    def put_in_order(original: Any, self: Any, message: Any, *args: Any, **options: Any) -> Any:
        stored = original(self, message, *args, **options)
        if not _is_recorded(self):
            return stored
        if self.deduplication.get(stored.message_deduplication_id) is stored:
            _put(self, stored)
        else:
            _note_duplicate(self, stored)
        return stored

    @patched(StandardQueue.receive, because="what happens to messages in queues is recorded", layer=1)
    def receive(original: Any, self: Any, *args: Any, **options: Any) -> Any:
        return _received(self, original(self, *args, **options))

    @patched(FifoQueue.receive, because="what happens to messages in queues is recorded")
    def receive_in_order(original: Any, self: Any, *args: Any, **options: Any) -> Any:
        return _received(self, original(self, *args, **options))

    @patched(SqsQueue.remove, because="what happens to messages in queues is recorded")
    def remove(original: Any, self: Any, receipt_handle: str) -> None:
        message = self.receipts.get(receipt_handle)
        original(self, receipt_handle)
        if message is not None and _is_recorded(self):
            take(marks.message(self.arn, message.message_id))

    for kind in (StandardQueue, FifoQueue):

        @patched(kind.clear, because="what happens to messages in queues is recorded")
        def clear(original: Any, self: Any) -> None:
            gone = [m.message_id for m in _messages(self)] if _is_recorded(self) else []
            original(self)
            take(*(marks.message(self.arn, one) for one in gone))

    @patched(MessageMoveTaskManager._run, because="what happens to messages in queues is recorded")
    def run(original: Any, self: Any, move_task: Any) -> None:
        token = _MOVING.set(move_task.source_arn)
        try:
            original(self, move_task)
        finally:
            _MOVING.reset(token)


def _put(queue: Any, stored: Any) -> None:
    mark = marks.message(queue.arn, stored.message_id)
    if source := _MOVING.get():
        JOURNAL.note(
            Kind.DELIVERY,
            service="sqs",
            name=queue.name,
            resource=queue.arn,
            takes=(marks.message(source, stored.message_id),),
            leaves=(mark,),
            data={"source": source, "target": queue.arn, "event": payloads.text(stored.message["Body"])},
        )
    elif "DeadLetterQueueSourceArn" not in stored.message["Attributes"]:
        # That which comes from another queue is recorded with the reason, in `_received`.
        leave(mark)
    if stored.is_delayed:
        note = announce(
            "delayed message",
            stored.created + stored.delay_seconds,
            service="sqs",
            name=queue.name,
            resource=queue.arn,
            leaves=(mark,),
        )
        TIMERS.set(note.activity, lambda: _end_delay(queue, stored))


def _end_delay(queue: Any, stored: Any) -> None:
    with queue.mutex:
        stored.delay_seconds = None
        queue.enqueue_delayed_messages()


def _note_duplicate(queue: Any, dropped: Any) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html"""
    JOURNAL.note(
        Kind.DECISION,
        service="sqs",
        name="deduplication",
        resource=queue.arn,
        data={
            "rule": queue.arn,
            "passed": False,
            "reason": "Duplicate",
            "deduplication_id": dropped.message_deduplication_id,
            # The dropped one answers with the id of the first.
            "first": dropped.message_id,
            "event": payloads.text(dropped.message["Body"]),
        },
    )


def _received(queue: Any, result: Any) -> Any:
    if not _is_recorded(queue):
        return result
    take(*(marks.message(queue.arn, message.message_id) for message in result.successful))
    policy = queue.redrive_policy or {}
    for message in result.dead_letter_messages:
        target = policy.get("deadLetterTargetArn", "")
        JOURNAL.note(
            Kind.DEAD_LETTER,
            service="sqs",
            name=queue.name,
            resource=queue.arn,
            takes=(marks.message(queue.arn, message.message_id),),
            leaves=(marks.message(target, message.message_id),),
            data={
                "source": queue.arn,
                "target": target,
                "reason": "MaxReceiveCountExceeded",
                # The last one moved it and delivered it to no consumer.
                "receive_count": message.receive_count - 1,
                "event": payloads.text(message.message["Body"]),
            },
        )
    return result
