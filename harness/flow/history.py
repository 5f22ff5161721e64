"""The records of an engine, joined: each activity with its causes, what it left and which activity took that."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.journal.records import Kind, Phase, Record


@dataclass(slots=True)
class Activity:
    """One activity or note, from its begin and its end record. `ended` is None while it is in progress; a note is its own end."""

    begin: Record
    ended: Record | None = None

    @property
    def id(self) -> int:
        return self.begin.activity

    @property
    def kind(self) -> Kind:
        return self.begin.kind

    @property
    def goes_on(self) -> bool:
        return self.ended is None

    @property
    def seconds(self) -> float:
        """From begin to end; 0 for a note and while it is in progress."""
        return self.ended.at - self.begin.at if self.ended else 0.0

    @property
    def takes(self) -> tuple[str, ...]:
        return self.begin.takes + (self.ended.takes if self.ended and self.ended is not self.begin else ())

    @property
    def leaves(self) -> tuple[str, ...]:
        return self.begin.leaves + (self.ended.leaves if self.ended and self.ended is not self.begin else ())

    @property
    def data(self) -> dict[str, Any]:
        """The data of begin and end together."""
        return {**self.begin.data, **(self.ended.data if self.ended else {})}

    @property
    def error(self) -> Any:
        return self.ended.data.get("error") if self.ended else None

    def __str__(self) -> str:
        where = f" {self.begin.resource}" if self.begin.resource else ""
        return f"{self.begin.service} {self.begin.name}{where}"


@dataclass
class History:
    """What happened, indexed. Records may come in any order; a query returns what is known by now.

    Not thread-safe: the reader of the journal holds its lock while it adds.
    """

    activities: dict[int, Activity] = field(default_factory=dict)
    news: int = 0
    """Counts what a flow may have to wait for: marks that were left, and times that were announced."""
    _caused: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _takers: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _leavers: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _timers: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """The newest timer of a mark, for each event source mapping, and for no particular one."""
    _of_trace: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _early_ends: dict[int, Record] = field(default_factory=dict)
    _claims: dict[str, str] = field(default_factory=dict)
    _claimed_traces: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, record: Record) -> None:
        if record.leaves or record.kind is Kind.TIMER:
            self.news += 1
        if record.phase is Phase.END:
            activity = self.activities.get(record.activity)
            if activity is None:
                # Its begin is older than this history, or comes next.
                self._early_ends[record.activity] = record
                return
            activity.ended = record
        else:
            activity = Activity(record, record if record.phase is Phase.NOTE else None)
            self.activities[record.activity] = activity
            if record.cause is not None:
                self._caused[record.cause].append(record.activity)
            elif record.trace:
                self._of_trace[record.trace].append(record.activity)
            if (early := self._early_ends.pop(record.activity, None)) is not None:
                activity.ended = early
                self._index(early)
        self._index(record)

    def _index(self, record: Record) -> None:
        for mark in record.takes:
            if record.activity not in self._takers[mark]:
                self._takers[mark].append(record.activity)
        for mark in record.leaves:
            if record.activity not in self._leavers[mark]:
                self._leavers[mark].append(record.activity)
        if record.kind is Kind.TIMER and "when" in record.data:
            for mark in (*record.takes, *record.leaves):
                self._timers[mark][str(record.data.get("mapping") or "")] = record.activity

    def clear(self) -> None:
        """Forget everything."""
        for index in (
            self.activities, self._caused, self._takers, self._leavers, self._timers, self._of_trace, self._early_ends,
            self._claims, self._claimed_traces,
        ):  # fmt: skip
            index.clear()

    def traces(self) -> list[str]:
        """The traces under which something began, in the order in which they did."""
        return list(self._of_trace)

    def claim(self, mark: str, trace: str) -> None:
        """Assign what a client did on a WebSocket connection to this trace: a mark of `harness.engine.websocket`.

        A connection has a separate trace, because what is sent on it later carries none.
        """
        self._claims[mark] = trace
        self._claimed_traces[trace].add(mark.split(":")[1])

    def unseen(self, trace: str) -> list[str]:
        """The marks that were claimed for a trace and have not reached the engine yet, but still may."""
        return [
            mark
            for mark, claimed in self._claims.items()
            if claimed == trace
            and not self._takers.get(mark)
            and not mark.startswith("handshake:")
            and not self._takers.get(f"connection:{mark.split(':')[1]}")
        ]

    def roots_of(self, trace: str) -> list[Activity]:
        """What a client began under this trace: activities without a recorded cause that are the client's own call, whatever that
        takes, or that take nothing."""
        numbers = [n for each in (trace, *self._claimed_traces.get(trace, ())) for n in self._of_trace.get(each, ())]
        found = (self.activities[number] for number in sorted(numbers))
        return [
            activity
            for activity in found
            if self._trace_of(activity) == trace
            and (
                activity.begin.data.get("caller", {}).get("kind") == "client"
                or not any(mark in self._leavers for mark in activity.takes)
            )
        ]

    def _trace_of(self, activity: Activity) -> str:
        own = activity.begin.trace
        claimed = (self._claims[mark] for mark in (*activity.takes, f"handshake:{own}") if mark in self._claims)
        return next(claimed, own)

    def takers_of(self, mark: str, left_by: Activity | None = None) -> list[Activity]:
        """The activities that took this mark, in order; with `left_by` only those that took what that activity left.

        A message that is moved to its dead-letter queue and back keeps its id, so its mark is left again.
        """
        takers = [self.activities[number] for number in self._takers.get(mark, ())]
        if left_by is None or not mark.startswith("message:"):
            return takers
        leavers = [n for n in self._leavers.get(mark, ()) if self.activities[n].kind is not Kind.TIMER]
        if len(leavers) < 2 or left_by.id not in leavers:
            return takers
        stays = _stays(takers)
        # From the last one on: the first may be older than this history.
        back = leavers[::-1].index(left_by.id)
        if len(stays) > len(leavers) and not stays[-1]:
            stays.pop()
        return stays[-1 - back] if back < len(stays) else []

    def timer_of(self, mark: str, mapping: str = "") -> Activity | None:
        """The last timer announced about this mark. With a `mapping`: for it, or for every mapping, but not for another one."""
        of = self._timers.get(mark, {})
        announced = [self.activities[number] for who, number in of.items() if not mapping or who in ("", mapping)]
        return max(announced, key=lambda timer: timer.begin.sequence, default=None)

    def next_of(self, activity: Activity) -> list[Activity]:
        """What an activity caused: directly, or by leaving what another took."""
        direct = [self.activities[number] for number in self._caused.get(activity.id, ())]
        taken = [taker for mark in activity.leaves for taker in self.takers_of(mark, activity)]
        return sorted({a.id: a for a in (*direct, *taken)}.values(), key=lambda a: a.begin.sequence)

    def closure(self, roots: Iterable[Activity]) -> list[Activity]:
        """These activities and everything that they caused, in the order in which it began."""
        found: dict[int, Activity] = {}
        open_ = list(roots)
        while open_:
            activity = open_.pop()
            if activity.id not in found:
                found[activity.id] = activity
                open_ += self.next_of(activity)
        return sorted(found.values(), key=lambda a: a.begin.sequence)

    def __iter__(self) -> Iterator[Activity]:
        return iter(self.activities.values())


def _stays(takers: Iterable[Activity]) -> list[list[Activity]]:
    """Which activities took a message during each of its stays in a queue. A stay ends when the queue gives the message up, or
    it is moved."""
    stays: list[list[Activity]] = [[]]
    for taker in takers:
        stays[-1].append(taker)
        if taker.kind in (Kind.DEAD_LETTER, Kind.DELIVERY):
            stays.append([])
    return stays
