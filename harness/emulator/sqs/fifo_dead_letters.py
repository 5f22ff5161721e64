"""Dead-lettered messages of FIFO queues are deduplicated by their message ids, not by their senders' ids.

LocalStack keeps the sender's deduplication id. So a message that is moved back within five minutes is dropped as a duplicate of
itself, and of two messages with one id (in different groups, say) the second never comes into the dead-letter queue.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
"""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched

_DEAD_LETTERED = "DeadLetterQueueSourceArn"
"""An attribute that a message has from when it is moved to a dead-letter queue."""


def install() -> None:
    when_loaded("sqs", _patch)


def _patch() -> None:
    from localstack.services.sqs.models import FifoQueue

    @patched(
        FifoQueue.put,
        because="a dead-lettered message keeps its deduplication id, so it cannot be moved back within five minutes",
        source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html",
    )
    def put(
        original: Any,
        self: Any,
        message: dict[str, Any],
        *args: Any,
        message_deduplication_id: Any = None,
        **options: Any,
    ) -> Any:
        if _DEAD_LETTERED in (message.get("Attributes") or {}):
            message_deduplication_id = message["MessageId"]
            # On AWS a message that is moved back gets a new id, so that it may come and go as often as it has to. Here it
            # keeps the one by which its flow is followed, and is let in again.
            self.deduplication.pop(message_deduplication_id, None)
        return original(self, message, *args, message_deduplication_id=message_deduplication_id, **options)
