"""Reports arrivals in a queue or a shard to its listeners."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched


class Arrivals:
    """Wakes listeners by the name of a place: the ARN of a queue, or `shard(...)`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: defaultdict[str, list[threading.Event]] = defaultdict(list)

    @contextmanager
    def listen(self, place: str, wake: threading.Event) -> Iterator[None]:
        """While the block runs, `wake` is set whenever something comes to the place."""
        with self._lock:
            self._listeners[place].append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._listeners[place].remove(wake)
                if not self._listeners[place]:
                    del self._listeners[place]

    def tell(self, place: str) -> None:
        with self._lock:
            listeners = list(self._listeners.get(place, ()))
        for wake in listeners:
            wake.set()


ARRIVALS = Arrivals()
"""Those of this LocalStack process."""


def shard(stream_arn: str, shard_id: str) -> str:
    """The name of a shard of a Kinesis stream or of a table's stream."""
    return f"{stream_arn}#{shard_id}"


def install() -> None:
    when_loaded("sqs", _watch_queues)
    when_loaded("dynamodb", _watch_tables)
    when_loaded("kinesis", _watch_streams)


def _watch_queues() -> None:
    from localstack.services.sqs.models import FifoQueue, SqsQueue, StandardQueue

    for kind in (StandardQueue, FifoQueue):
        patched(kind._put_message, because="event source mappings wake when something arrives instead of polling")(
            _put_message
        )

        patched(kind.put, because="event source mappings wake when something arrives instead of polling", layer=1)(_put)

        patched(kind.shutdown, because="event source mappings wake when something arrives instead of polling")(
            _shutdown
        )

    patched(
        SqsQueue.add_inflight_message, because="event source mappings wake when something arrives instead of polling"
    )(_add_inflight_message)

    patched(
        SqsQueue.update_visibility_timeout,
        because="event source mappings wake when something arrives instead of polling",
    )(_update_visibility_timeout)

    patched(
        FifoQueue.update_message_group_visibility,
        because="event source mappings wake when something arrives instead of polling",
    )(_update_message_group_visibility)

    patched(
        FifoQueue.requeue_inflight_messages,
        because="one message in flight holds back those of all other groups",
        source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html",
    )(_requeue_inflight_messages)


def _put_message(original: Any, self: Any, message: Any) -> None:
    original(self, message)
    ARRIVALS.tell(self.arn)


def _put(original: Any, self: Any, *args: Any, **options: Any) -> Any:
    stored = original(self, *args, **options)
    # A listener must also know when a delayed message is due.
    if stored.is_delayed:
        ARRIVALS.tell(self.arn)
    return stored


def _shutdown(original: Any, self: Any) -> None:
    original(self)
    # It is deleted: its readers learn that.
    ARRIVALS.tell(self.arn)


def _add_inflight_message(original: Any, self: Any, message: Any) -> None:
    original(self, message)
    # It comes back if its receiver does not delete it.
    ARRIVALS.tell(self.arn)


def _update_visibility_timeout(original: Any, self: Any, receipt_handle: str, visibility_timeout: int) -> None:
    original(self, receipt_handle, visibility_timeout)
    ARRIVALS.tell(self.arn)


def _update_message_group_visibility(original: Any, self: Any, message_group: Any) -> None:
    original(self, message_group)
    # A group whose messages in flight were deleted shows those behind them.
    ARRIVALS.tell(self.arn)


def _requeue_inflight_messages(_original: Any, self: Any) -> None:
    """LocalStack lets one message that is hidden hold back those of all other groups."""
    with self.mutex:
        held_back = set()
        for message in list(self.inflight):
            if not message.is_visible:
                held_back.add(message.message_group_id)
            elif message.message_group_id not in held_back:
                del self.inflight[message]
                self._put_message(message)


def _watch_tables() -> None:
    from harness.emulator.dynamodb.streams import RECORD_LISTENERS

    def tell(table: Any, _record: dict[str, Any]) -> None:
        ARRIVALS.tell(shard(f"{table.table_arn}/stream/{table.latest_stream_label}", table.stream_shard.id))

    RECORD_LISTENERS.append(tell)


def _watch_streams() -> None:
    from moto.kinesis.models import KinesisBackend, Stream

    @patched(Stream.put_record, because="event source mappings wake when something arrives instead of polling")
    def put_record(original: Any, self: Any, *args: Any, **options: Any) -> tuple[str, str]:
        sequence_number, shard_id = original(self, *args, **options)
        ARRIVALS.tell(shard(self.arn, shard_id))
        return sequence_number, shard_id

    @patched(
        KinesisBackend.delete_stream, because="event source mappings wake when something arrives instead of polling"
    )
    def delete_stream(original: Any, self: Any, *args: Any, **options: Any) -> Any:
        deleted = original(self, *args, **options)
        for shard_id in deleted.shards:
            ARRIVALS.tell(shard(deleted.arn, shard_id))
        return deleted

    for change in (Stream.split_shard, Stream.merge_shards):

        @patched(change, because="event source mappings wake when something arrives instead of polling", layer=1)
        def reshard(original: Any, self: Any, *args: Any, **options: Any) -> None:
            original(self, *args, **options)
            # A reader that has read a closed shard continues with its children.
            for shard_id in list(self.shards):
                ARRIVALS.tell(shard(self.arn, shard_id))
