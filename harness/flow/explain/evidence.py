"""The evidence of an explanation: the activities of a flow, how they are joined, and what the templates declare."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from harness import aws
from harness.flow.causality import is_again
from harness.flow.explanation import Finding, Place
from harness.flow.history import Activity
from harness.flow.pending import Pending
from harness.journal.records import Kind
from harness.topology import Edge, Identifier, Node, NodeId, Topology, identifiers
from harness.topology.patterns import Refusal
from harness.topology.references import mentions


class Reader(Protocol):
    """Joins activities: a History."""

    def next_of(self, activity: Activity) -> list[Activity]: ...

    def takers_of(self, mark: str) -> list[Activity]: ...

    def closure(self, roots: Iterable[Activity]) -> list[Activity]: ...


@dataclass(frozen=True)
class Evidence:
    """One flow, as the explainers of the services see it."""

    activities: tuple[Activity, ...]
    history: Reader
    topology: Topology
    pending: tuple[Pending, ...] = ()

    # ── what happened ───────────────────────────────────────────────────────────────────────────────────────────────

    def of(self, kind: Kind, service: str = "", name: str = "") -> Iterator[Activity]:
        """The activities of a kind, a service and a name, in the order in which they began."""
        for activity in self.activities:
            begin = activity.begin
            if begin.kind is kind and service in ("", begin.service) and name in ("", begin.name):
                yield activity

    def cause_of(self, activity: Activity) -> Activity | None:
        """The activity that caused it directly, or left what it took; None if that is not in this flow."""
        if activity.begin.cause is not None:
            return self._by_id.get(activity.begin.cause)
        return next((self._leavers[mark] for mark in activity.takes if mark in self._leavers), None)

    def causes(self, activity: Activity) -> Iterator[Activity]:
        """Its cause, the cause of that, and so on."""
        seen = {activity.id}
        while (cause := self.cause_of(activity)) is not None and cause.id not in seen:
            seen.add(cause.id)
            yield cause
            activity = cause

    def caused_by(self, activity: Activity) -> list[Activity]:
        """Everything that an activity caused, in the order in which it began, without the activity itself."""
        return [each for each in self.history.closure([activity]) if each.id != activity.id]

    def recovered(self, activity: Activity) -> bool:
        """Whether a failed activity succeeded when it was retried: an invocation of the same request, or a batch or
        delivery of the same source to the same target that took or contained the same."""
        later = (a for a in self.activities if a.begin.sequence > activity.begin.sequence and a.kind is activity.kind)
        return any(is_again(activity, other) and not other.goes_on and not other.error for other in later)

    def function_of(self, activity: Activity) -> str:
        """The ARN of the function in which something happened; "" if it was not in a function."""
        for cause in self.causes(activity):
            if cause.kind is Kind.INVOCATION:
                return cause.begin.resource
            if cause.kind not in (Kind.CALL, Kind.WORK, Kind.DECISION):
                break
        return ""

    def recovered_from(self, call: Activity) -> bool:
        """Whether the function, batch or delivery in which a call failed succeeded when it was retried."""
        return any(self.recovered(cause) for cause in self.causes(call))

    @cached_property
    def _by_id(self) -> Mapping[int, Activity]:
        return {activity.id: activity for activity in self.activities}

    @cached_property
    def _leavers(self) -> Mapping[str, Activity]:
        return {mark: activity for activity in self.activities for mark in activity.leaves}

    # ── what the templates declare ──────────────────────────────────────────────────────────────────────────────────────

    def node_id(self, resource: str) -> NodeId | None:
        """The resource of a template by its ARN, URL or physical id; None if no template declares it."""
        return self.topology.declared_as(resource)

    def node(self, resource: str) -> Node | None:
        """The same as a node of the graph; None also for a mapping, a subscription and every other resource that is no node."""
        found = self.node_id(resource)
        return self.topology.nodes.get(found) if found else None

    def edges(self, resource: str) -> tuple[Edge, ...]:
        """The edges that a resource makes (a rule, a mapping, a subscription), by its ARN or physical id."""
        found = self.node_id(resource)
        return self.topology.declared_by(found.stack, found.logical_id) if found else ()

    def resource(self, resource: str) -> str:
        """The value of `Finding.resource`: "stack.LogicalId", or the ARN or address unchanged."""
        return str(self.node_id(resource) or resource)

    def named(self, resource: str) -> str:
        """Its name in a sentence: the logical id if a template declares it, else the name in its ARN."""
        found = self.node_id(resource)
        return found.logical_id if found else name_of(resource)

    def called(self, kind: str, resource: str) -> str:
        """The same with its kind: "rule Placed"."""
        return f"{kind} {self.named(resource)}"

    def node_named(self, service: str, name: str) -> NodeId | None:
        """The resource of a service, by boto3's name, that has this name, for a call that is not about an ARN."""
        kind = aws.main_kind(service)
        if not name or kind is None or not kind.arns:
            return None
        of_service, _, resource = kind.arns[0].partition(":")
        return self.topology.declared_as(f"arn:aws:{of_service}:::{resource.partition('(')[0]}{name}")

    def elsewhere(self, resource: str) -> NodeId | None:
        """The resource that a template declares under this name and that is deployed to another region than the ARN says."""
        return None if self.node_id(resource) else self.topology.declared_as(resource, in_any_region=True)

    def identifiers(self, resource: str) -> tuple[Identifier, ...]:
        return identifiers(resource)

    def place(self, resource: str | NodeId | None, *path: str | int) -> Place | None:
        """The line where a resource is declared, or a property of it by its path in CloudFormation's form ("Timeout").

        If the template does not have the property, the line of the nearest one that contains it.
        """
        found = self.node_id(resource) if isinstance(resource, str) else resource
        at = self.topology.place_of(found, *path) if found else None
        return Place(*at) if at else None

    def property(self, node: NodeId | None, *path: str | int) -> Any:
        """What the template says of a resource at a path of CloudFormation's form, unresolved; None if nothing."""
        declared = self.topology.resources.get(node) if node else None
        return declared.get(*path) if declared else None

    def edge_place(self, edge: Edge, refusal: Refusal | None = None) -> Place:
        return Place(*self.topology.place(edge, refusal))

    def policy_of(self, resource: str) -> Place | None:
        """The place of the policy of a queue, a topic or a bucket; None if the template gives it none."""
        node = self.node_id(resource)
        for policy in self.topology.resources.values() if node else ():
            about = policy.get(_POLICIES.get(policy.type, ""))
            if node and policy.id.stack == node.stack and any(m.name == node.logical_id for m in mentions(about)):
                return self.place(policy.id, "PolicyDocument")
        return None

    def place_of_caller(self, activity: Activity, naming: str = "") -> Place | None:
        """The function in which something happened, as `place_of_function` returns it; None if it was not in a function."""
        function = self.function_of(activity)
        return self.place_of_function(function, naming) if function else None

    def place_of_function(self, function: str, naming: str = "") -> Place | None:
        """Where a function is declared, or the variable of its environment whose value contains `naming`."""
        node = self.node_id(function)
        declared = self.topology.resources.get(node) if node else None
        if declared is None:
            return None
        for name, value in declared.mapping("Environment", "Variables").items():
            if naming and naming in str(value):
                return self.place(node, "Environment", "Variables", name)
        return self.place(node)

    # ── what is reported ────────────────────────────────────────────────────────────────────────────────────────────────

    def finding(
        self, cause: str, sentence: str, resource: str, place: Place | None, *activities: Activity, lost: bool = True
    ) -> Finding:
        """A finding about the resource of this ARN, URL or physical id."""
        # A sentence may begin with a word that is lower-case elsewhere: "function Charge".
        return Finding(cause, sentence[:1].upper() + sentence[1:], self.resource(resource), place, activities, lost)


_POLICIES = {
    "AWS::S3::BucketPolicy": "Bucket",
    "AWS::SNS::TopicPolicy": "Topics",
    "AWS::SQS::QueuePolicy": "Queues",
}
"""The property that names the resource of the policy."""


def as_json(body: Any) -> Any:
    """A body parsed as JSON; unchanged if it is no JSON."""
    try:
        return json.loads(body) if isinstance(body, str) else body
    except ValueError:
        return body


def name_of(resource: str) -> str:
    """The name in an ARN or URL."""
    return next((identifier.name for identifier in identifiers(resource)), resource)
