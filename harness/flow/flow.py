"""One flow: everything that one stimulus caused, until it has settled."""

import time
from collections.abc import Callable, Collection
from enum import Enum, auto

from harness.engine import Target
from harness.engine.tracing import tracing
from harness.errors import EmptyFlowError, FlowTimeoutError, NotWaitingError
from harness.flow.consumers import Consumers
from harness.flow.event_source_mappings import EventSourceMappings
from harness.flow.explain import explain
from harness.flow.explanation import Explanation
from harness.flow.history import Activity, History
from harness.flow.names import names
from harness.flow.pending import Pending
from harness.flow.rest import pending
from harness.flow.steps import ShownFlow, Step, counted, outline
from harness.journal.records import Kind
from harness.journal.stream import JournalStream
from harness.topology import Topology

SETTLE_SECONDS = 30.0
AT_ONCE_SECONDS = 0.1
"""Timers that become due within this time are due at the same time: messages of one batch."""


class Flow:
    """Everything that one block of a test caused, as a tree. The fixture `flow` makes it."""

    def __init__(
        self,
        target: Target,
        stream: JournalStream,
        history: History,
        root: str,
        topology: Callable[[], Topology] = Topology.empty,
        mappings: EventSourceMappings | None = None,
    ) -> None:
        self._target = target
        self._fired: set[int] = set()
        self._held_up_by: tuple[Activity, int] | None = None
        """What was in progress at the last look, and the journal's count then. While it is in progress, nothing else matters."""
        self._stream = stream
        self._history = history
        self._topology = topology
        self._consumers = Consumers(mappings or EventSourceMappings(target))
        self.root = root
        """The root of the X-Ray trace that its first calls carry."""

    def claim(self, mark: str) -> None:
        """Make everything with this mark part of this flow (`harness.engine.tracing.claim`)."""
        with self._stream.held():
            self._history.claim(mark, self.root)

    @property
    def roots(self) -> list[Activity]:
        """What the test itself did: its calls and requests."""
        with self._stream.held():
            return self._history.roots_of(self.root)

    @property
    def activities(self) -> list[Activity]:
        """All activities, in the order in which they began."""
        with self._stream.held():
            return self._history.closure(self.roots)

    def find(self, kind: Kind | None = None, **fields: str) -> list[Activity]:
        """The activities of a kind whose records have these fields: `service`, `name`, `resource`."""
        return [
            activity
            for activity in self.activities
            if kind in (None, activity.kind) and all(getattr(activity.begin, n) == v for n, v in fields.items())
        ]

    def pending(self) -> list[Pending]:
        """What has not settled."""
        while True:
            with self._stream.held():
                found = self._pending()
            if not self._consumers.unasked:
                return found
            self._consumers.ask()

    @property
    def topology(self) -> Topology:
        """The graph of what the templates of the deployment connect; empty if nothing was deployed."""
        return self._topology()

    def explain(self) -> Explanation:
        """Why events of this flow were lost, or have not arrived yet: false if nothing is wrong.

        Called after `settle`, it reports only what will not change any more.
        """
        topology, waits = self.topology, self.pending()
        with self._stream.held():
            return explain(self.activities, self._history, topology, waits)

    def settle(
        self,
        *,
        hurry: bool = False,
        waiting_for: str | Collection[str] = (),
        timeout_seconds: float = SETTLE_SECONDS,
    ) -> "Flow":
        """Return as soon as the flow has settled: everything that it caused was handled, refused, filtered out, dead-lettered, or
        parked where nothing consumes it. What has not happened by then will not happen.

        What becomes due later (a retry, a Wait, a delayed message, the end of a visibility timeout or of a batching
        window) is waited for. With `hurry` it is fired as soon as nothing else is in progress, in the order of its times. A task
        that waits for a callback times out then.

        `waiting_for` names states of executions that wait for a callback: return when they wait and nothing else is in
        progress. Call back then, and settle again.

        Raises FlowTimeoutError with what is pending, NotWaitingError if no execution waits for a callback in these states,
        EmptyFlowError if no activity was recorded, JournalError if the journal cannot be read, MissingCapabilityError if the
        target does not support `hurry`.
        """
        __tracebackhide__ = True  # a test that fails here shows its own line, and not these
        if hurry:
            self._target.require("fire")
        states = frozenset({waiting_for} if isinstance(waiting_for, str) else waiting_for)
        deadline, until = time.monotonic() + timeout_seconds, time.time() + timeout_seconds
        self._stream.catch_up()
        self._see_what_was_sent(timeout_seconds)
        if not self.roots:
            raise EmptyFlowError(
                "Nothing of this flow was seen. Only calls of the target's own clients (the fixtures aws, http and "
                "websocket, Target.client) carry its trace, in the thread of the block."
            )
        while True:
            step = self._stream.wait(
                lambda: self._next_step(states, hurry, until), timeout_seconds=deadline - time.monotonic()
            )
            # These actions run outside of wait(), because no record can arrive inside it.
            match step:
                case _Action.REST:
                    self._hold_to(states)
                    return self
                case _Action.ASK:
                    self._consumers.ask()
                case _Action.HURRY:
                    self._make_due([timer for timer in self.pending() if timer.callback not in states])
                case _Action.TOO_LATE:
                    raise FlowTimeoutError(
                        f"The flow did not settle within {timeout_seconds:g} seconds: it waits only for what is due later. "
                        f"Pass settle(hurry=True) to fire that now. Pending:\n{self._why_not_settled()}",
                        self,
                    )
                case None:
                    raise FlowTimeoutError(
                        f"The flow did not settle within {timeout_seconds:g} seconds. Pending:\n"
                        f"{self._why_not_settled()}",
                        self,
                    )

    def wait_until(self, seen: Callable[["Flow"], object], *, timeout_seconds: float = SETTLE_SECONDS) -> "Flow":
        """Return as soon as `seen` is true of the flow, whether it has settled or not. Raises FlowTimeoutError with what was
        recorded instead."""
        self._stream.catch_up()
        if self._stream.wait(lambda: bool(seen(self)) or None, timeout_seconds=timeout_seconds) is None:
            raise FlowTimeoutError(f"The flow was not as asked within {timeout_seconds:g} seconds.", self)
        return self

    def _see_what_was_sent(self, timeout_seconds: float) -> None:
        """A message on a WebSocket connection has no response that its sender waits for: it may not have arrived yet."""

        def has_come() -> bool | None:
            return None if self._history.unseen(self.root) else True

        if self._stream.wait(has_come, timeout_seconds=timeout_seconds) is None:
            raise FlowTimeoutError(
                f"What was sent on WebSocket connections has not come to the API within {timeout_seconds:g} seconds: "
                f"{', '.join(self._history.unseen(self.root))}.",
                self,
            )

    def _next_step(self, states: Collection[str], hurry: bool, until: float) -> "_Action | None":
        """The next action; None if more must happen first."""
        news = self._history.news
        if self._held_up_by is not None and self._held_up_by[0].goes_on and self._held_up_by[1] == news:
            return None
        found = [one for one in self._pending() if not one.callback or one.callback not in states]
        if self._consumers.unasked:
            return _Action.ASK
        self._held_up_by = next(
            ((one.activity, news) for one in found if one.activity.goes_on and one.due is None), None
        )
        if not found:
            return _Action.REST
        due = [one.due for one in found if one.due is not None]
        if len(due) < len(found):
            return None
        if hurry:
            return _Action.HURRY if _next_due(found, self._fired) else None
        return _Action.TOO_LATE if min(due) > until else None

    def _make_due(self, found: list[Pending]) -> None:
        if not (timers := _next_due(found, self._fired)):
            return
        self._fired.update(timers)
        # The call that fires a timer is not part of the flow.
        with tracing(None):
            self._target.harness.fire("timer", activities=timers)

    def _hold_to(self, states: Collection[str]) -> None:
        """Raise if no execution waits in one of these states."""
        waiting = {one.callback for one in self.pending() if one.callback}
        if missing := [state for state in states if state not in waiting]:
            others = f" They wait in {', '.join(sorted(waiting))}." if waiting else ""
            raise NotWaitingError(
                f"The flow has settled, and no execution waits for a callback in {', '.join(missing)}.{others}\n\n{self}"
            )

    def _why_not_settled(self) -> str:
        """What is pending, one a line, and the findings that explain it."""
        pending = "\n".join(f"  {one}" for one in self.pending())
        return "\n\n".join(filter(None, [pending, str(self.explain())]))

    def _pending(self) -> list[Pending]:
        return list(pending(self.activities, self._history, self._consumers))

    def shown(self) -> ShownFlow:
        """What every output is rendered from: the activities as steps, each with parent, label and outcome."""
        return ShownFlow(self.activities, names(self.topology))

    def steps(self) -> list[Step]:
        """What happened, one step for each line of the tree; equal calls in a row are one step."""
        return counted(self.shown().steps)

    def __str__(self) -> str:
        """The tree, one step a line."""
        return outline(self.steps())


class _Action(Enum):
    """The next action of `settle`."""

    REST = auto()
    ASK = auto()
    HURRY = auto()
    TOO_LATE = auto()


def _next_due(found: Collection[Pending], fired: Collection[int]) -> list[int]:
    """The timers that are due first and were not fired yet; none while something is in progress that does not wait for a time."""
    if any(one.due is None for one in found):
        return []
    due = {one.timer.id: one.due for one in found if one.timer is not None and one.due is not None}
    first = min(due.values(), default=0.0)
    return [timer for timer, when in due.items() if when <= first + AT_ONCE_SECONDS and timer not in fired]
