"""What a service could not deliver, and why: for every service that delivers events (rules, topics, buckets).

Such a service calls the target as a service principal, which the target's own policy must allow, or with the role that it
has for the target (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness import aws
from harness.flow.explain.evidence import Evidence, name_of
from harness.flow.explanation import Finding, Place
from harness.flow.history import Activity
from harness.journal.records import Kind
from harness.topology.edges import PermissionCondition

_GONE = ("NotFound", "NonExistent", "DoesNotExist", "NoSuch", "NotExist")
_WRAPPED = re.compile(r"An error occurred \((\w[\w.]*)\)")


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """Something that was delivered to a target and that the target did not take.

    `who` delivers, in words, as `principal` and for the ARN `source`; `place` is the template's line. `kept_in` is the queue
    that was to keep the event, `given_up` the record that gave it up.
    """

    activity: Activity
    who: str
    principal: str
    source: str
    target: str
    error: Mapping[str, Any]
    place: Place | None
    kept_in: str = ""
    queue_place: Place | None = None
    """The line of the template that makes that queue the dead-letter queue."""
    given_up: Activity | None = None

    @property
    def code(self) -> str:
        """The error of the target, also if the service wraps it."""
        wrapped = _WRAPPED.search(str(self.error.get("message", "")))
        return wrapped[1] if wrapped else str(self.error.get("code", ""))


@dataclass(frozen=True, slots=True)
class _Reason:
    """`clause` continues "could not hand the event to ...: "."""

    cause: str
    clause: str
    resource: str
    place: Place | None


def refused_by_target(evidence: Evidence, delivery: FailedDelivery) -> Finding:
    """Why a target did not take the event, and where the event is now."""
    given_up, queue = delivery.given_up, delivery.kept_in
    reason = _reason(evidence, delivery)
    sentence = f"{delivery.who} could not hand the event to {in_words(evidence, delivery.target)}: {reason.clause}"
    shown = [delivery.activity, *([given_up] if given_up is not None and given_up is not delivery.activity else [])]
    if given_up is None or not queue:
        return evidence.finding(reason.cause, f"{sentence}.", reason.resource, reason.place, *shown)
    named = f"dead-letter queue {evidence.named(queue)}"
    if (refused := _refused_too(evidence, given_up)) is None:
        kept = f"{sentence}; it is kept in {named}."
        return evidence.finding(reason.cause, kept, reason.resource, reason.place, *shown, lost=False)
    # The queue lost the event, so the sentence is about it: a dead-letter queue exists because targets fail.
    denial = denial_below(evidence, given_up)
    said = str((refused.data.get("error") or {}).get("message", "")).rstrip(".")
    why = f"its policy does not let {denial.data.get('principal')} in" if denial is not None else said
    gone = f"{sentence}; and {named} did not take it either, so it is gone: {why}."
    place = evidence.policy_of(queue) or delivery.queue_place
    return evidence.finding("dead-letter-queue-refused", gone, queue, place, *shown, refused)


def _reason(evidence: Evidence, delivery: FailedDelivery) -> _Reason:
    target, place = delivery.target, delivery.place
    if (denial := denial_below(evidence, delivery.activity)) is not None:
        role = str(denial.data.get("role") or "")
        if role:
            at = evidence.place(role, "Policies") or place
            return _Reason("role-not-allowed", f"its role {evidence.named(role)} may not {denial.begin.name}", role, at)
        return _not_let_in(evidence, denial, delivery)
    if any(gone in delivery.code for gone in _GONE):
        if (elsewhere := evidence.elsewhere(target)) is not None:
            there = evidence.topology.regions.get(elsewhere.stack, "")
            return _Reason("wrong-region", f"it is looked for in {region_of(target)}, and is in {there}", target, place)
        return _Reason("target-missing", "there is none of that name", target, place)
    message = str(delivery.error.get("message", "")).rstrip(".")
    code = str(delivery.error.get("code", ""))
    return _Reason("target-refused", f"{code}, {message}" if message else code, target, place)


def _not_let_in(evidence: Evidence, denial: Activity, delivery: FailedDelivery) -> _Reason:
    """The target's own policy does not name the service that delivers, or names it for another source."""
    target, principal = delivery.target, delivery.principal
    node = evidence.node_id(target)
    for permission in evidence.topology.entering(node, "permission") if node else ():
        if isinstance(permission.condition, PermissionCondition) and permission.condition.principal == principal:
            whom = permission.source.logical_id
            clause = (
                f"its permission {permission.via.logical_id} is for {whom}, not for {evidence.named(delivery.source)}"
            )
            return _Reason("permission-of-another-source", clause, target, evidence.edge_place(permission))
    if "AWS::Lambda::Function" in (identifier.type for identifier in evidence.identifiers(target)):
        clause = f"no Lambda permission lets {principal} invoke it"
        return _Reason("lambda-permission-missing", clause, target, delivery.place)
    place = evidence.policy_of(target) or delivery.place
    if denial.data.get("by"):
        clause = f"its policy denies {denial.begin.name} to {principal}"
    elif any("conditions" in near for near in denial.data.get("near") or ()):
        clause = f"its policy lets {principal} in on conditions that {evidence.named(delivery.source)} does not meet"
    else:
        clause = f"its policy does not let {principal} in"
    return _Reason("policy-refused", clause, target, place)


def _refused_too(evidence: Evidence, given_up: Activity) -> Activity | None:
    """That the dead-letter queue did not take it either."""
    for note in evidence.history.next_of(given_up):
        if note.kind is Kind.DEAD_LETTER and note.data.get("reason") == "DeadLetterQueueRefused":
            return note
    return None


def denial_below(evidence: Evidence, delivery: Activity) -> Activity | None:
    """What IAM denied of the delivery itself, not of what the delivered event caused later."""
    found = [delivery]
    while found:
        activity = found.pop()
        if (
            activity.kind is Kind.DECISION
            and activity.begin.service in ("iam", "lambda")
            and not activity.data["passed"]
        ):
            return activity
        if activity is delivery or activity.kind in (Kind.DELIVERY, Kind.CALL, Kind.WORK):
            found += [each for each in evidence.history.next_of(activity) if each.begin.cause == activity.id]
    return None


def in_words(evidence: Evidence, target: str) -> str:
    """The kind and name of a target: "function Work", "queue Orders"."""
    node = evidence.node_id(target) or evidence.elsewhere(target)
    kind = next((kind.noun for i in evidence.identifiers(target) if (kind := aws.TYPES.get(i.type)) and kind.kind), "")
    return f"{kind} {node.logical_id if node else name_of(target)}".strip()


def region_of(arn: str) -> str:
    return arn.split(":")[3] if arn.startswith("arn:") else ""
