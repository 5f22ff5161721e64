"""Maps the activities of a flow to nodes of the topology, and finds the ways between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.flow.history import Activity
from harness.flow.outcome import Outcome, outcome_of
from harness.flow.steps import ShownFlow
from harness.journal.records import Kind
from harness.topology import Node, NodeId, Topology


@dataclass(frozen=True, slots=True)
class Way:
    """A way between two nodes of the topology that events of a flow took, or on which they were stopped."""

    source: str
    """"stack.LogicalId"."""
    target: str
    state: str
    """"ok"; "failed" if the target did not take the event; "refused" if a pattern, policy or filter refused it."""
    activities: tuple[int, ...]
    """The activities that show it."""


class Placement:
    """The nodes of the activities of a flow."""

    def __init__(self, shown: ShownFlow, topology: Topology) -> None:
        self._topology = topology
        self._activities = shown.causality.activities
        self._parents = shown.causality.parents
        self._nodes = {activity.id: self._node(activity) for activity in self._activities.values()}
        self._add_those_behind()

    def of(self, activity: Activity) -> NodeId | None:
        """The resource of a template at which an activity happened; None if no template declares it."""
        return self._nodes.get(activity.id)

    def ways(self) -> tuple[Way, ...]:
        """The ways between different nodes, in the order in which they were first taken."""
        found: dict[tuple[NodeId, NodeId], tuple[str, list[int]]] = {}
        for activity in self._activities.values():
            for source, target, state in self._steps(activity):
                if source == target:
                    continue
                known, activities = found.get((source, target), (state, []))
                # If one event passed, further refusals are normal.
                found[source, target] = (
                    known if known == state else _heavier(known, state),
                    [*activities, activity.id],
                )
        return tuple(Way(str(s), str(t), state, tuple(activities)) for (s, t), (state, activities) in found.items())

    def _steps(self, activity: Activity) -> list[tuple[NodeId, NodeId, str]]:
        data = activity.data
        outcome = outcome_of(activity)
        # A request that an API refuses has arrived there; an event that a decision refuses has not passed it.
        stopped = outcome is Outcome.REFUSED and activity.kind is Kind.DECISION
        state = "refused" if stopped else "failed" if activity.error and outcome is Outcome.FAILED else "ok"
        ends = self._named(data.get("source")), self._named(data.get("target"))
        if activity.kind is Kind.DECISION and activity.begin.service == "sns":
            # A decision of a subscription is on the way from its topic to its endpoint.
            topic = self._subscribed(activity.begin.resource)
            return [(topic, ends[1], state)] if topic and ends[1] else []
        if activity.kind in (Kind.DELIVERY, Kind.BATCH, Kind.DEAD_LETTER) and ends[0] and ends[1]:
            return [(ends[0], ends[1], state)]
        node = self.of(activity)
        before = [origin for parent in self._parents[activity.id] if (origin := self._origin(parent))]
        # A function's failure does not concern the way: the event arrived.
        arrived = "ok" if activity.kind is Kind.INVOCATION else state
        return [(origin, node, arrived) for origin in before] if node else []

    def _origin(self, number: int) -> NodeId | None:
        """The nearest node at or above an activity."""
        seen: set[int] = set()
        while number not in seen:
            seen.add(number)
            if (node := self._nodes.get(number)) is not None:
                return node
            if not (parents := self._parents[number]):
                return None
            number = parents[0]
        return None

    def _node(self, activity: Activity) -> NodeId | None:
        begin, data = activity.begin, activity.data
        if activity.kind is Kind.DELIVERY and (found := self._named(data.get("target"))):
            return found
        if activity.kind is Kind.BATCH and (found := self._named(data.get("target"))):
            return found
        if activity.kind is Kind.DEAD_LETTER:
            return self._named(data.get("target")) or self._named(data.get("source"))
        if activity.kind is Kind.TRANSITION and "state_machine" not in data:
            return None
        if activity.kind is Kind.TRANSITION:
            return self._named(data["state_machine"])
        if found := self._named(begin.resource) or self._subscribed(begin.resource):
            return found
        if activity.kind is Kind.CALL:
            request = data.get("request")
            values = request.values() if isinstance(request, Mapping) else ()
            return next((found for value in values if isinstance(value, str) and (found := self._named(value))), None)
        return None

    def _add_those_behind(self) -> None:
        """A call that names no resource is about the resource for which its service calls on: SignUp about the user pool."""
        for activity in self._activities.values():
            caller = activity.data.get("caller")
            source = caller.get("source_arn") if isinstance(caller, Mapping) else None
            if not source or (node := self._named(source)) is None:
                continue
            parents = self._parents[activity.id]
            while parents and (parent := self._activities[parents[0]]):
                if self._nodes[parent.id] is None and parent.kind in (Kind.CALL, Kind.REQUEST):
                    self._nodes[parent.id] = node
                if parent.kind is not Kind.WORK:
                    break
                parents = self._parents[parent.id]

    def _named(self, resource: Any) -> NodeId | None:
        """The node of an ARN, URL or name; None also for a declared resource that is no node."""
        if not isinstance(resource, str) or not resource:
            return None
        declared = self._topology.declared_as(resource)
        if declared is None and resource.startswith("arn:") and resource.count(":") > 6:
            # With the suffix of a version or an alias.
            declared = self._topology.declared_as(resource.rpartition(":")[0])
        return declared if declared in self._topology.nodes else None

    def _subscribed(self, resource: str) -> NodeId | None:
        """The topic of a subscription."""
        if not resource.startswith("arn:aws:sns:") or resource.count(":") != 6:
            return None
        return self._named(resource.rpartition(":")[0])

    def node(self, activity: Activity) -> Node | None:
        found = self.of(activity)
        return self._topology.nodes.get(found) if found else None


def _heavier(one: str, two: str) -> str:
    order = ("failed", "ok", "refused")
    return min(one, two, key=order.index)
