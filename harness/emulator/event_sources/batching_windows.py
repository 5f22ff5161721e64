"""Records for how long an event source mapping gathers records before it invokes the function, and lets a test end
that: `batching window`, for each record that waits for it.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from queue import Empty
from typing import Any

from harness.emulator.controls.timers import TIMERS
from harness.emulator.host.attachments import WINDOW
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal import marks
from harness.emulator.journal.waiting import announce
from harness.emulator.patches import patched

WHAT = "batching window"


@dataclass
class Window:
    """A poller gathers what comes into a queue until then."""

    until: float
    over: bool = False


def install() -> None:
    when_loaded("sqs", _patch_queues)


# ---- queues ------------------------------------------------------------------------------------------------------


def _patch_queues() -> None:
    from localstack.services.sqs.models import StandardQueue
    from localstack.services.sqs.queue import InterruptibleQueue

    @patched(StandardQueue.receive, because="batching windows are recorded and can be ended")
    def receive(
        original: Any, self: Any, num_messages: int = 1, wait_time_seconds: Any = None, *args: Any, **options: Any
    ) -> Any:
        # Only a mapping asks an empty queue on and on, for its window.
        gathers = options.get("poll_empty_queue") and wait_time_seconds
        with _window(self, float(wait_time_seconds)) if gathers else nullcontext():
            return original(self, num_messages, wait_time_seconds, *args, **options)

    @patched(StandardQueue._put_message, because="batching windows are recorded and can be ended", layer=1)
    def put_message(original: Any, self: Any, message: Any) -> None:
        # Either the code that opens a window sees the message, or the window gets it: `_window` looks under the same lock.
        with self.mutex:
            if (window := WINDOW.get(self.visible)) is not None:
                _announce_message(self, message, window)
            original(self, message)

    @patched(InterruptibleQueue.get, because="batching windows are recorded and can be ended")
    def get(original: Any, self: Any, block: bool = True, timeout: float | None = None) -> Any:
        window = WINDOW.get(self)
        if window is None or not block or timeout is None:
            return original(self, block, timeout)
        until = time.monotonic() + timeout
        with self.not_empty:
            while not (self._qsize() or self.is_shutdown or window.over):
                if (remaining := until - time.monotonic()) <= 0:
                    break
                self.not_empty.wait(remaining)
            if self.is_shutdown or not self._qsize():
                raise Empty
            self.not_full.notify()
            return self._get()


@contextmanager
def _window(queue: Any, seconds: float) -> Iterator[None]:
    window = Window(time.time() + seconds)
    with queue.mutex:
        WINDOW[queue.visible] = window
        already_there = list(queue.visible.queue)
    for message in already_there:
        _announce_message(queue, message, window)
    try:
        yield
    finally:
        if WINDOW.get(queue.visible) is window:
            WINDOW[queue.visible] = None


def _announce_message(queue: Any, message: Any, window: Window) -> None:
    note = announce(
        WHAT,
        window.until,
        service="sqs",
        name=queue.name,
        resource=queue.arn,
        # It is of the flow of who sent the message.
        takes=(marks.message(queue.arn, message.message_id),),
    )
    TIMERS.set(note.activity, partial(_end_window, queue, window))


def end_window(queue: Any) -> None:
    """End the window of a queue's reader: its mapping is deleted, disabled or changed."""
    visible = getattr(queue, "visible", None)
    if (window := WINDOW.get(visible)) is not None:
        _end_window(queue, window)


def _end_window(queue: Any, window: Window) -> None:
    window.over = True
    with queue.visible.not_empty:
        queue.visible.not_empty.notify_all()


# ---- streams -----------------------------------------------------------------------------------------------------


def announce_record(
    stream_arn: str, mapping: Mapping[str, Any], when: float, make_due: Callable[[], object], record: Mapping[str, Any]
) -> None:
    """A record of a stream waits for more to come with it, until then."""
    function = mapping["FunctionArn"]
    # As the stream gives it: of a table's stream, or of Kinesis.
    sequence_number = record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["SequenceNumber"]
    note = announce(
        WHAT,
        when,
        service="lambda",
        name=function.split(":")[6],
        resource=function,
        takes=(marks.stream_record(stream_arn, sequence_number),),
        data={"mapping": mapping["UUID"]},
    )
    TIMERS.set(note.activity, make_due)
