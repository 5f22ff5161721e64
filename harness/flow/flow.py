"""One flow: everything that one stimulus caused, until nothing of it goes on."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from harness.engine import Target
from harness.flow.consumers import Consumers
from harness.flow.explain import explain
from harness.flow.explanation import Explanation
from harness.flow.history import Activity, History
from harness.flow.names import names
from harness.flow.pending import Pending
from harness.flow.steps import Step, steps
from harness.flow.telling import tell
from harness.flow.tree import draw
from harness.journal.records import Kind
from harness.journal.stream import JournalStream
from harness.topology import Topology

SETTLE_SECONDS = 30.0


class FlowTimeoutError(AssertionError):
    """A flow has not come to rest; the message lists what is pending, where, and why, and tells the story of `flow`."""

    def __init__(self, message: str, flow: "Flow") -> None:
        super().__init__(message)
        self.flow = flow


class EmptyFlowError(AssertionError):
    """A flow was to settle of which nothing was seen: whatever it asserts would be true."""


class Flow:
    """The tree of everything that was caused by what happens inside `with flow_of(...)`."""

    def __init__(
        self,
        target: Target,
        stream: JournalStream,
        history: History,
        root: str,
        topology: Callable[[], Topology] = Topology.empty,
    ) -> None:
        self._stream = stream
        self._history = history
        self._topology = topology
        self._consumers = Consumers(target)
        self.root = root
        """The root of the X-Ray trace that its first calls carry."""

    @property
    def roots(self) -> list[Activity]:
        """What the test itself did: its calls and requests."""
        with self._stream.held():
            return self._history.roots_of(self.root)

    @property
    def activities(self) -> list[Activity]:
        """All of it, in the order in which it began."""
        with self._stream.held():
            return self._history.closure(self.roots)

    def find(self, kind: Kind | None = None, **fields: str) -> list[Activity]:
        """Those of a kind whose records have these fields: `service`, `name`, `resource`."""
        return [
            activity
            for activity in self.activities
            if kind in (None, activity.kind) and all(getattr(activity.begin, n) == v for n, v in fields.items())
        ]

    def pending(self) -> list[Pending]:
        """What has not come to its end."""
        while True:
            with self._stream.held():
                pending = list(self._pending())
            if not self._consumers.unasked:
                return pending
            self._consumers.ask()

    @property
    def topology(self) -> Topology:
        """What the templates of the deployment connect; an empty one where nothing was deployed."""
        return self._topology()

    def explain(self) -> Explanation:
        """Why events of this flow were lost, or have not arrived yet: false where nothing is amiss.

        Asked after `settle`, it speaks of what will not change any more.
        """
        topology, pending = self.topology, self.pending()
        with self._stream.held():
            return explain(self.activities, self._history, topology, pending)

    def settle(self, *, timeout_seconds: float = SETTLE_SECONDS) -> "Flow":
        """Return when nothing of the flow goes on or waits for anybody, as soon as that is so.

        At rest is what was handled, refused, filtered out, dead-lettered, or left where nobody consumes it. So what has
        not happened by then does not happen any more. Raises FlowTimeoutError with what is still pending, EmptyFlowError
        where nothing of the flow was seen, JournalError where it could not be watched to its end.
        """
        __tracebackhide__ = True  # a test that fails here shows its own line, and not these
        deadline = time.monotonic() + timeout_seconds
        self._stream.catch_up()
        if not self.roots:
            raise EmptyFlowError(
                "Nothing of this flow was seen. Only calls of the target's own clients (the fixtures aws and http, "
                "Target.client) carry its trace, in the thread of the block."
            )
        while True:
            known = self._stream.wait(self._at_rest_or_to_ask, timeout_seconds=deadline - time.monotonic())
            if known is None:
                pending = "\n".join(f"  {pending}" for pending in self.pending())
                story = "\n".join(map(str, tell(self, waiting=False)))
                raise FlowTimeoutError(
                    f"The flow has not come to rest within {timeout_seconds:g} seconds. Still pending:\n{pending}\n\n{story}",
                    self,
                )
            if known:
                return self
            # Not in there, where no record can come meanwhile.
            self._consumers.ask()

    def _at_rest_or_to_ask(self) -> bool | None:
        """True when nothing is pending, False when that depends on what must be asked first."""
        pending = list(self._pending())
        if self._consumers.unasked:
            return False
        return None if pending else True

    def _pending(self) -> Iterator[Pending]:
        for activity in self.activities:
            if activity.goes_on:
                yield Pending(activity, f"{activity} goes on")
                continue
            for mark in activity.leaves:
                if (waits := self._waits(mark)) is not None:
                    yield Pending(activity, f"{activity} left {waits}")

    def _waits(self, mark: str) -> str | None:
        """What is to come of something that was left; None where nothing is."""
        kind = mark.partition(":")[0]
        takers = self._history.takers_of(mark)
        match kind:
            case "invocation":
                return self._awaited_invocation(takers)
            case "message" | "record":
                return self._consumers.awaited(mark, takers)
            case "task":
                return None if takers else "a task that waits to be called back"
        return None

    def _awaited_invocation(self, takers: list[Activity]) -> str | None:
        attempts = [taker for taker in takers if taker.kind in (Kind.INVOCATION, Kind.DEAD_LETTER)]
        if not attempts:
            return "an event for a function that has not taken it up"
        last = attempts[-1]
        if last.goes_on or last.kind is Kind.DEAD_LETTER or last.error is None:
            return None
        timers = [note for note in self._history.next_of(last) if note.kind is Kind.TIMER]
        due = f" in {timers[-1].data['when'] - time.time():.1f} s" if timers else ", or given up"
        return f"an event that {last.begin.name} failed on, and that is tried again{due}: {_said(last.error)}"

    def steps(self) -> list[Step]:
        """What happened as a person tells it: plumbing is part of what it serves."""
        return steps(self.activities, names(self.topology))

    def __str__(self) -> str:
        """The tree, one step a line."""
        return "\n".join(map(str, draw(self.steps())))


def _said(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return f"{error.get('code') or error.get('errorType', '')} {error.get('message') or error.get('errorMessage', '')}".strip()
