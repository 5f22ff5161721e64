"""One monitor for each service: its operations run one at a time, until they wait or call another service."""

import logging
import sys
import threading
import traceback
from types import TracebackType

LOG = logging.getLogger(__name__)

SHARED = {"dynamodbstreams": "dynamodb", "s3control": "s3", "sesv2": "ses"}
"""Services that keep their state in the store of another one."""
PATIENCE_SECONDS = 30.0
"""A thread that waits longer continues without the monitor: a race is better than an engine that stands still."""


class _Held(threading.local):
    """What the current thread holds."""

    def __init__(self) -> None:
        self.monitor: Monitor | None = None
        self.entries = 0
        self.inside: list[Monitor] = []
        """Of the operations that the thread is in, the outermost first."""


_held = _Held()


class Monitor:
    """`with monitor("sqs"):` runs alone among the operations of SQS. Entering it again in the same thread is allowed.

    Entering gives up the monitor of another service that the thread holds. A thread that has given this one up and comes
    back (an operation that calls another one of the same service) continues without: it may hold a lock of the service.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._holder: int | None = None

    def __enter__(self) -> None:
        comes_back = self in _held.inside
        _held.inside.append(self)
        if _held.monitor is self:
            _held.entries += 1
            return
        give_up()
        if comes_back:
            return
        if not self._lock.acquire(blocking=False) and not self._lock.acquire(timeout=PATIENCE_SECONDS):
            self._report()
            return
        self._holder = threading.get_ident()
        _held.monitor, _held.entries = self, 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        _held.inside.pop()
        # What was entered inside has been left, so the thread holds this monitor or, having given it up, none.
        if _held.monitor is self:
            _held.entries -= 1
            if not _held.entries:
                give_up()

    @property
    def is_held(self) -> bool:
        """Whether the current thread holds it."""
        return _held.monitor is self

    def _release(self) -> None:
        self._holder = None
        self._lock.release()

    def _report(self) -> None:
        frame = sys._current_frames().get(self._holder or 0)
        stack = "".join(traceback.format_stack(frame)) if frame else "unknown"
        LOG.error("an operation of %s went on alone after %s s; it waited for:\n%s", self.name, PATIENCE_SECONDS, stack)


def give_up() -> None:
    """Let other threads continue: call it before the current thread waits for anything. The thread does not get it back."""
    if (monitor := _held.monitor) is not None:
        _held.monitor, _held.entries = None, 0
        monitor._release()


_MONITORS: dict[str, Monitor] = {}


def monitor(service: str) -> Monitor:
    """The monitor of a service, named as boto3 names it."""
    name = SHARED.get(service, service)
    return _MONITORS.get(name) or _MONITORS.setdefault(name, Monitor(name))
