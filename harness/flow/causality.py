"""Which activity caused which, in a flow: the parent of each, further activities that contributed, and which attempt it is.

Every output of a flow takes its parents from here: the tree in the terminal, the page, the JSON and the OTLP export.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.flow.history import Activity
from harness.journal.records import Kind, Phase


class Causality:
    """The causes within these activities, given in the order in which they began."""

    def __init__(self, activities: Sequence[Activity]) -> None:
        self.activities = {activity.id: activity for activity in activities}
        leavers: defaultdict[str, list[Activity]] = defaultdict(list)
        for activity in activities:
            for mark in activity.leaves:
                leavers[mark].append(activity)
        self._leavers: Mapping[str, list[Activity]] = leavers
        self._states = _states(activities)
        self.parents = {activity.id: self._parents(activity) for activity in activities}
        """The parent of each, followed by further activities that contributed: for a batch, the senders of its other records.
        Empty if the activity began the flow. A parent began before its children."""
        self.attempts = _attempts(activities)
        """Which attempt at its event an invocation is, by its activity, counted from 1."""
        self._in_batches = {
            other
            for number, parents in self.parents.items()
            if self.activities[number].kind is Kind.BATCH
            for other in parents[1:]
        }

    def parent(self, activity: Activity) -> Activity | None:
        found = self.parents[activity.id]
        return self.activities[found[0]] if found else None

    def ancestors(self, activity: Activity) -> Iterator[Activity]:
        """Its parent, the parent of that, and so on."""
        while (parent := self.parent(activity)) is not None:
            yield parent
            activity = parent

    def waited_for(self, activity: Activity) -> Activity | None:
        """The activity that caused it directly and ended after it, so that it knows the outcome; None if its parent passed an
        event on and did not wait."""
        cause = self.activities.get(activity.begin.cause) if activity.begin.cause is not None else None
        if (
            cause is None
            or cause.begin.sequence >= activity.begin.sequence
            or cause.kind in (Kind.DECISION, Kind.TIMER)
            or cause.ended is cause.begin
        ):
            return None
        ends = [one.ended.at if one.ended else None for one in (cause, activity)]
        return cause if ends[0] is not None and ends[1] is not None and ends[0] >= ends[1] else None

    def is_sent_in_batch(self, activity: Activity) -> bool:
        """Whether something that it left is in a batch that has another activity as its parent."""
        return activity.id in self._in_batches

    def _parents(self, activity: Activity) -> tuple[int, ...]:
        """The activity that left its event, else its cause, else the first that left what it takes.

        Further attempts at an asynchronous event, and the note that gives it up, are caused by the activity that left the event,
        not by the attempt before. So attempts are siblings.
        """
        leavers = [one for mark in activity.takes for one in self._leavers.get(mark, ())]
        events = [self._leavers[m][0] for m in activity.takes if m.startswith("invocation:") and m in self._leavers]
        cause = self.activities.get(activity.begin.cause) if activity.begin.cause is not None else None
        state = self._states.get(activity.id)
        found = [one for one in (*events, state, cause, *leavers) if one is not None]
        before = [one.id for one in found if one.begin.sequence < activity.begin.sequence]
        others = [number for number in before[1:] if cause is None or state is None or number != cause.id]
        return tuple(dict.fromkeys((*before[:1], *others)))


def is_again(activity: Activity, other: Activity) -> bool:
    """Whether one is another attempt at the same: an invocation with the same event, a batch that takes the same records, a
    delivery of the same event from the same source to the same target."""
    if activity.kind is not other.kind:
        return False
    if activity.begin.service != other.begin.service or activity.begin.resource != other.begin.resource:
        return False
    request_ids = activity.data.get("request_id"), other.data.get("request_id")
    if activity.kind is Kind.INVOCATION and all(request_ids):
        return request_ids[0] == request_ids[1]
    if set(activity.takes) & set(other.takes):
        return True
    same = ("source", "target", "event")
    return activity.kind is Kind.DELIVERY and all(activity.data.get(n) == other.data.get(n) for n in same)


def _states(activities: Iterable[Activity]) -> Mapping[int, Activity]:
    """The state of its execution in which each activity happened, if the execution was in only one state at that time."""
    open_: defaultdict[int, list[Activity]] = defaultdict(list)
    found: dict[int, Activity] = {}
    for activity in activities:
        cause = activity.begin.cause
        if cause is None:
            continue
        if is_state_entered(activity):
            open_[cause].append(activity)
        elif is_state_exited(activity):
            own = [one for one in open_[cause] if one.begin.resource == activity.begin.resource]
            if own:
                found[activity.id] = own[0]
                open_[cause].remove(own[0])
        elif len(open_[cause]) == 1 and not activity.begin.name.startswith("Execution"):
            found[activity.id] = open_[cause][0]
    return found


def is_execution(activity: Activity) -> bool:
    """Whether it is the execution of a state machine, and not one event of its history."""
    return activity.kind is Kind.TRANSITION and activity.begin.phase is not Phase.NOTE


def is_state_entered(activity: Activity) -> bool:
    return activity.kind is Kind.TRANSITION and activity.begin.name.endswith("StateEntered")


def is_state_exited(activity: Activity) -> bool:
    return activity.kind is Kind.TRANSITION and activity.begin.name.endswith("StateExited")


def _attempts(activities: Iterable[Activity]) -> Mapping[int, int]:
    """A retry has the request id of the first attempt (harness.journal.records)."""
    counted: dict[str, int] = {}
    found = {}
    for activity in activities:
        if activity.kind is Kind.INVOCATION:
            request_id = str(activity.data.get("request_id") or activity.id)
            found[activity.id] = counted[request_id] = counted.get(request_id, 0) + 1
    return found
