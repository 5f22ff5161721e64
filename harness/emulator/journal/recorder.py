"""Keeps the records of this engine, bounded in memory, and passes them to readers as they arrive."""

import itertools
import json
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from harness.emulator.journal import payloads
from harness.emulator.journal.causes import CAUSE, Cause
from harness.emulator.journal.secrets import REDACTOR
from harness.journal.records import Kind, Phase

MAX_BYTES = int(os.environ.get("HARNESS_JOURNAL_MAX_BYTES") or 128 * 1024 * 1024)
"""Of all records together; the oldest go first. The header `x-harness-first` shows a reader that it missed some."""

_HEAD = json.JSONEncoder(separators=(",", ":"), default=list)


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record as it is sent, and what a reader may choose by."""

    sequence: int
    trace: str
    text: str


class Journal:
    """The records of one engine. Every method may be called from any thread."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.enabled = os.environ.get("HARNESS_JOURNAL", "on").lower() != "off"
        self._max_bytes = max_bytes
        self._lines: deque[RecordLine] = deque()
        self._bytes = 0
        self._sequence = 0
        self._activities = itertools.count(1)
        self._more = threading.Condition()

    def begin(self, kind: Kind, **what: Any) -> Cause:
        """An activity begins, caused by what this thread is doing; returns it, for `end` and to be what comes next's
        cause."""
        cause = what.pop("cause", None) or CAUSE.get()
        trace = what.pop("trace", "") or (cause.trace if cause else "")
        activity = next(self._activities)
        self._append(kind, Phase.BEGIN, activity, cause, trace, what)
        return Cause(activity, trace)

    def end(self, kind: Kind, activity: Cause, **what: Any) -> None:
        self._append(kind, Phase.END, activity.activity, None, activity.trace, what)

    def note(self, kind: Kind, **what: Any) -> Cause:
        """Something that happens in one moment; it can be a cause, too."""
        cause = what.pop("cause", None) or CAUSE.get()
        trace = what.pop("trace", "") or (cause.trace if cause else "")
        activity = next(self._activities)
        self._append(kind, Phase.NOTE, activity, cause, trace, what)
        return Cause(activity, trace)

    @property
    def last_sequence(self) -> int:
        return self._sequence

    @property
    def first_sequence(self) -> int:
        """Of the oldest record that is still there."""
        with self._more:
            return self._lines[0].sequence if self._lines else self._sequence + 1

    def read(self, after: int, *, wait_seconds: float = 0.0, trace: str | None = None) -> list[RecordLine]:
        """The records after a sequence number; waits for the first if there are none yet."""
        deadline = time.monotonic() + wait_seconds
        with self._more:
            while True:
                found = [line for line in self._after(after) if trace is None or line.trace == trace]
                remaining = deadline - time.monotonic()
                if found or remaining <= 0:
                    return found
                self._more.wait(remaining)

    def clear(self) -> int:
        """Forget what was recorded; the sequence continues. Returns how many records there were."""
        with self._more:
            count = len(self._lines)
            self._lines.clear()
            self._bytes = 0
            return count

    def _after(self, sequence: int) -> list[RecordLine]:
        # From the end: a reader that keeps up must not walk over all that it has read.
        found = list(itertools.takewhile(lambda line: line.sequence > sequence, reversed(self._lines)))
        found.reverse()
        return found

    def _append(
        self, kind: Kind, phase: Phase, activity: int, cause: Cause | None, trace: str, what: dict[str, Any]
    ) -> None:
        if not self.enabled:
            return
        at = time.time()
        data = what.pop("data", None)
        head: dict[str, Any] = {"kind": kind, "phase": phase, "activity": activity, "at": at}
        if cause is not None and cause.activity:
            head["cause"] = cause.activity
        if trace:
            head["trace"] = trace
        head.update((name, value) for name, value in what.items() if value)
        # Written before the lock is taken: other threads record meanwhile.
        rest = REDACTOR.forms(_HEAD.encode(head)[1:-1])
        if data:
            rest += ',"data":' + payloads.to_text(data)
        with self._more:
            self._sequence += 1
            line = RecordLine(self._sequence, trace, f'{{"sequence":{self._sequence},{rest}}}')
            self._lines.append(line)
            self._bytes += len(line.text)
            while self._bytes > self._max_bytes:
                self._bytes -= len(self._lines.popleft().text)
            self._more.notify_all()


JOURNAL = Journal()
"""The journal of this LocalStack process."""
