"""Calls that are due later; one thread waits for all of them.

A `threading.Timer` is a thread for as long as it waits, and LocalStack 4.14.0 sets one for each execution environment.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

LOG = logging.getLogger(__name__)


class Deadline:
    """A call that is made once when its time has come, in a thread; in place of a `threading.Timer`."""

    def __init__(self, interval: float, function: Callable[..., object], args: Any = (), kwargs: Any = None) -> None:
        self.interval = interval
        self._call: Callable[[], object] | None = lambda: function(*args, **(kwargs or {}))

    def start(self) -> None:
        _DEADLINES.add(time.monotonic() + self.interval, self)

    def cancel(self) -> None:
        """Nothing is called any more, unless it has begun. What would have been called is let go of."""
        self._call = None

    @property
    def is_cancelled(self) -> bool:
        return self._call is None

    def run(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            try:
                call()
            except Exception:
                LOG.exception("what was to be done later failed")


class _Deadlines:
    """Those that are set, the next one first. The thread ends when there are none."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Deadline]] = []
        self._numbers = itertools.count()
        self._sweep_at = 64
        self._running = False

    def add(self, due: float, deadline: Deadline) -> None:
        with self._changed:
            heapq.heappush(self._heap, (due, next(self._numbers), deadline))
            if len(self._heap) > self._sweep_at:
                # Cancelled ones would stay until they are due.
                self._heap = [entry for entry in self._heap if not entry[2].is_cancelled]
                heapq.heapify(self._heap)
                self._sweep_at = max(64, 2 * len(self._heap))
            if not self._running:
                self._running = True
                threading.Thread(target=self._wait, name="harness-deadlines", daemon=True).start()
            elif self._heap[0][2] is deadline:
                self._changed.notify()

    def _wait(self) -> None:
        while (due := self._next()) is not None:
            # A thread for each: one that takes long holds up no other.
            threading.Thread(target=due.run, name="harness-deadline", daemon=True).start()

    def _next(self) -> Deadline | None:
        with self._changed:
            while self._heap:
                due, _, deadline = self._heap[0]
                remaining = due - time.monotonic()
                if deadline.is_cancelled or remaining <= 0:
                    heapq.heappop(self._heap)
                    if not deadline.is_cancelled:
                        return deadline
                else:
                    self._changed.wait(remaining)
            self._running = False
            return None


_DEADLINES = _Deadlines()
"""Those of this process."""
