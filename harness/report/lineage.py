"""Who caused whom, among the activities of a flow."""

from collections.abc import Iterable, Mapping, Sequence

from harness.flow.history import Activity
from harness.journal.records import Kind


class Lineage:
    """Who caused whom, within these activities."""

    def __init__(self, activities: Sequence[Activity]) -> None:
        self.activities = {activity.id: activity for activity in activities}
        leavers: dict[str, list[Activity]] = {}
        for activity in activities:
            for mark in activity.leaves:
                leavers.setdefault(mark, []).append(activity)
        self.parents = {activity.id: self._parents(activity, leavers) for activity in activities}
        """The first is the cause, or the first that left what was taken up; the others had a part in it."""
        self.attempts = _attempts(activities)
        """Which attempt at its event an invocation is, by its activity, counted from 1."""

    def _parents(self, activity: Activity, leavers: Mapping[str, list[Activity]]) -> tuple[int, ...]:
        found: list[int] = []
        if activity.begin.cause in self.activities:
            found.append(activity.begin.cause)
        for mark in activity.takes:
            before = [each.id for each in leavers.get(mark, ()) if each.begin.sequence < activity.begin.sequence]
            # Of an event that is tried again the failed attempts leave it once more: they are others, so that the
            # attempts stand beside one another.
            found += before
        return tuple(dict.fromkeys(found))

    def ancestors(self, activity: Activity) -> Iterable[Activity]:
        parents = self.parents[activity.id]
        while parents:
            parent = self.activities[parents[0]]
            yield parent
            parents = self.parents[parent.id]


def _attempts(activities: Iterable[Activity]) -> Mapping[int, int]:
    """A retry has the request id of the first attempt (harness.journal.records)."""
    counted: dict[str, int] = {}
    found = {}
    for activity in activities:
        if activity.kind is Kind.INVOCATION:
            request_id = str(activity.data.get("request_id") or activity.id)
            found[activity.id] = counted[request_id] = counted.get(request_id, 0) + 1
    return found
