"""Reads a queue for a mapping: a batch at a time is received, several are handled at once.

Lambda begins with five concurrent batches of a standard queue and goes up to `MaximumConcurrency`; of a FIFO queue it has
one batch of a message group at a time
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html).
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from harness.emulator.event_sources.arrivals import ARRIVALS
from harness.emulator.event_sources.batching_windows import end_window
from harness.emulator.event_sources.pauses import Pauses

LOG = logging.getLogger(__name__)

CONCURRENT_BATCHES = 5
MAX_INVOCATION_MESSAGES = 2500
"""LocalStack's limit for what one invocation gets."""


class QueueReader:
    """`run` reads until `stop` is called, which may be from any thread."""

    def __init__(self, poller: Any, mapping: Mapping[str, Any], progress: Any, stopped: threading.Event) -> None:
        self._poller, self._progress, self._stopped = poller, progress, stopped
        self._queue_arn = mapping["EventSourceArn"]
        self._limit = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or CONCURRENT_BATCHES
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._handling = 0

    def stop(self) -> None:
        self._wake.set()
        if (queue := self._queue()) is not None:
            end_window(queue)

    def run(self) -> None:
        pauses = Pauses()
        # Its threads come with the first batch.
        pool = ThreadPoolExecutor(self._limit, thread_name_prefix="event-source-mapping-poller-batch")
        with ARRIVALS.listen(self._queue_arn, self._wake), pool:
            while not self._stopped.is_set():
                self._wake.clear()
                try:
                    if not self._read(pool):
                        self._wake.wait(self._until_due())
                    pauses.reset()
                except Exception as error:  # noqa: BLE001 - whatever it is, the mapping stays
                    self._progress.source_failed(error)
                    self._wake.wait(pauses.next())

    def _read(self, pool: ThreadPoolExecutor) -> bool:
        """Receive what is there and have it handled; whether there may be more."""
        if self._handling >= self._limit:
            # Woken by the batch that is done.
            return False
        queue = self._queue()
        if queue is not None:
            queue.requeue_inflight_messages()
            queue.enqueue_delayed_messages()
            if not _has_messages(queue):
                return False
        # For a deleted queue the service returns its error.
        messages = self._receive()
        for batch in self._batches(messages):
            with self._lock:
                self._handling += 1
            handled: Future[None] = pool.submit(self._handle, batch)
            handled.add_done_callback(self._handled)
        return bool(messages)

    def _receive(self) -> list[dict[str, Any]]:
        poller, window = self._poller, self._poller.maximum_batching_window
        answer = poller.source_client.receive_message(
            QueueUrl=poller.queue_url,
            MaxNumberOfMessages=min(poller.batch_size, 10),
            WaitTimeSeconds=min(window, 20),
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            # LocalStack's own: more messages and a longer window than one call has on AWS.
            sqs_override_max_message_count=poller.batch_size,
            sqs_override_wait_time_seconds=window,
        )
        return list(answer.get("Messages") or ())

    def _batches(self, messages: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        if self._queue_arn.endswith(".fifo"):
            groups: dict[str, list[dict[str, Any]]] = {}
            for message in messages:
                groups.setdefault(message["Attributes"]["MessageGroupId"], []).append(message)
            return list(groups.values())
        size = MAX_INVOCATION_MESSAGES
        return [messages[first : first + size] for first in range(0, len(messages), size)]

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        from localstack.services.lambda_.event_source_mapping.event_processor import BatchFailureError

        try:
            self._poller.handle_messages(messages)
            self._progress.succeeded()
        except BatchFailureError:
            self._progress.function_failed()
        except Exception:
            self._progress.function_failed()
            LOG.exception("a batch of %s could not be handled", self._queue_arn)

    def _handled(self, _done: Future[None]) -> None:
        with self._lock:
            self._handling -= 1
        self._wake.set()

    def _queue(self) -> Any:
        from localstack.services.sqs.models import sqs_stores
        from localstack.services.sqs.provider import _STORE_LOCK

        _, _, _, region, account, name = self._queue_arn.split(":", 5)
        # A deletion is reported before the queue is deleted, and holds this lock until it is.
        with _STORE_LOCK:
            return sqs_stores[account][region].queues.get(name)

    def _until_due(self) -> float | None:
        """How many seconds it takes until a message is shown that is hidden now; None where none is."""
        if self._handling >= self._limit or (queue := self._queue()) is None:
            return None
        with queue.mutex:
            due = [m.visibility_deadline for m in queue.inflight if m.visibility_deadline is not None]
            due += [m.created + m.delay_seconds for m in queue.delayed if m.delay_seconds is not None]
        # LocalStack shows a message when its time is over, not when it just is.
        return max(0.0, min(due) - time.time()) + 0.005 if due else None


def _has_messages(queue: Any) -> bool:
    """Whether the queue has messages that can be received."""
    groups: Callable[[], int] | None = getattr(getattr(queue, "message_group_queue", None), "qsize", None)
    return bool(groups() if groups is not None else queue.approximate_number_of_messages)
