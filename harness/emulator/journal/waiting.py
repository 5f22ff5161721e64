"""Records what becomes due later, and lets a test fire it now (`POST /_harness/fire`, kind `timer`).

What waits in a thread of the engine is an activity that lasts until it is due. What waits in a store (a message that is
hidden) is a note, with the mark of what it is about.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.emulator.controls.timers import TIMERS
from harness.emulator.journal.causes import Cause, doing
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.journal.work import WITHIN
from harness.journal.records import Kind


def announce(what: str, when: float, **record: Any) -> Cause:
    """Note what becomes due at `when` (seconds since the epoch); `TIMERS.set` says how."""
    data = {"what": what, "when": when, **record.pop("data", {})}
    return JOURNAL.note(Kind.TIMER, data=data, **record)


@contextmanager
def waiting(what: str, seconds: float, make_due: Callable[[], object], **record: Any) -> Iterator[Cause]:
    """This thread waits in the block; `make_due`, called from another thread, ends that."""
    begun = _begin(what, seconds, record, WITHIN.get())
    TIMERS.set(begun.activity, make_due)
    try:
        yield begun
    finally:
        TIMERS.over(begun.activity)
        JOURNAL.end(Kind.TIMER, begun, service=record["service"], name=record["name"])


class Later(threading.Timer):
    """Calls a function when it is due, or when a test fires it. The activity lasts until the function has returned, so
    what it causes is never between two records."""

    def __init__(self, what: str, seconds: float, function: Callable[..., object], **record: Any) -> None:
        self._begun = _begin(what, seconds, record, None)
        self._record = record
        super().__init__(seconds, function)
        self.daemon = True

    def start(self) -> None:
        TIMERS.set(self._begun.activity, self.finished.set)
        super().start()

    def run(self) -> None:
        self.finished.wait(self.interval)
        TIMERS.over(self._begun.activity)
        try:
            with doing(self._begun):
                self.function()
        finally:
            JOURNAL.end(Kind.TIMER, self._begun, service=self._record["service"], name=self._record["name"])


def _begin(what: str, seconds: float, record: dict[str, Any], within: int | None) -> Cause:
    data = {"what": what, "when": time.time() + seconds, **record.pop("data", {})}
    if within is not None:
        data["within"] = within
    return JOURNAL.begin(Kind.TIMER, data=data, **record)
