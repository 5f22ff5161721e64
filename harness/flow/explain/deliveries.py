"""What a service could not hand over, and why: for every service that delivers events for others (rules, topics, buckets).

Such a service calls the target as a service principal, which the target's own policy must let in, or with a role that it
was given (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html).
"""

from collections.abc import Mapping
from typing import Any

from harness.flow.explain.evidence import Evidence, name_of
from harness.flow.explanation import Finding, Place
from harness.flow.history import Activity
from harness.journal.records import Kind

_GONE = ("NotFound", "NonExistent", "DoesNotExist", "NoSuch", "NotExist")
_KINDS = {
    "AWS::Events::EventBus": "bus",
    "AWS::Kinesis::Stream": "stream",
    "AWS::Lambda::Function": "function",
    "AWS::SNS::Topic": "topic",
    "AWS::SQS::Queue": "queue",
    "AWS::StepFunctions::StateMachine": "state machine",
}


def refused_by_target(
    evidence: Evidence,
    delivery: Activity,
    *,
    who: str,
    principal: str,
    source: str,
    target: str,
    error: Mapping[str, Any],
    place: Place | None,
    kept: str = "",
    note: Activity | None = None,
) -> Finding:
    """Why a target did not take what it was given.

    `who` delivers, in words, as `principal` and for the ARN `source`; `place` is where the template says so. `kept` is the
    queue that keeps the event, `note` the record of giving it up.
    """
    what = f"{who} could not hand the event to {target_words(evidence, target)}"
    end = _end(evidence, kept, note)
    activities = (delivery, note) if note is not None and note is not delivery else (delivery,)
    denial = denial_below(evidence, delivery)
    code, message = str(error.get("code", "")), str(error.get("message", "")).rstrip(".")
    if denial is not None and denial.data.get("role"):
        role = str(denial.data["role"])
        sentence = f"{what}: its role {evidence.named(role)} may not {denial.begin.name}{end}."
        at = evidence.place(role, "Policies") or place
        return evidence.finding("role-not-allowed", sentence, role, at, *activities)
    if denial is not None:
        return _not_let_in(evidence, denial, what, principal, source, target, place, end, activities)
    if any(gone in code for gone in _GONE):
        if (elsewhere := evidence.elsewhere(target)) is not None:
            there = evidence.topology.regions.get(elsewhere.stack, "")
            sentence = f"{what}: it is looked for in {region_of(target)}, and is in {there}{end}."
            return evidence.finding("wrong-region", sentence, target, place, *activities)
        sentence = f"{what}: there is none of that name{end}."
        return evidence.finding("target-missing", sentence, target, place, *activities)
    said = f"{code}, {message}" if message else code
    sentence = f"{what}: {said}{end}."
    return evidence.finding("target-refused", sentence, target, place, *activities)


def _not_let_in(
    evidence: Evidence,
    denial: Activity,
    what: str,
    principal: str,
    source: str,
    target: str,
    place: Place | None,
    end: str,
    activities: tuple[Activity, ...],
) -> Finding:
    """The target's own policy does not name the service that delivers, or names it for another source."""
    node = evidence.node_id(target)
    if node is not None and (permissions := evidence.topology.entering(node, "permission")):
        of_principal = [edge for edge in permissions if getattr(edge.condition, "principal", "") == principal]
        if of_principal:
            [permission, *_] = of_principal
            sentence = (
                f"{what}: its permission {permission.via.logical_id} is for {_source(evidence, permission.source)}, "
                f"not for {evidence.named(source)}{end}."
            )
            at = evidence.edge_place(permission)
            return evidence.finding("permission-of-another-source", sentence, target, at, *activities)
    if ":lambda:" in target or ":function:" in target:
        sentence = f"{what}: no Lambda permission lets {principal} invoke it{end}."
        return evidence.finding("lambda-permission-missing", sentence, target, place, *activities)
    if denial.data.get("reason") == "ExplicitDeny":
        said = f"its policy denies {denial.begin.name} to {principal}"
    elif (near := denial.data.get("near")) and any("conditions" in each for each in near):
        said = f"its policy lets {principal} in on conditions that {evidence.named(source)} does not meet"
    else:
        said = f"its policy does not let {principal} in"
    return evidence.finding(
        "policy-refused", f"{what}: {said}{end}.", target, evidence.policy_of(target) or place, *activities
    )


def _source(evidence: Evidence, source: Any) -> str:
    return source.logical_id if source.stack else name_of(str(source))


def dead_letter_queue_refused(
    evidence: Evidence, note: Activity, whose: str, queue: str, place: Place | None
) -> Finding:
    """The queue that was to keep what could not be handed over did not take it; `whose` it is, in words."""
    said = str((note.data.get("error") or {}).get("message", "")).rstrip(".")
    denial = denial_below(evidence, note)
    why = f"its policy does not let {denial.data.get('principal')} in" if denial is not None else said
    sentence = f"The dead-letter queue {evidence.named(queue)} of {whose} did not take the event, so it is gone: {why}."
    return evidence.finding("dead-letter-queue-refused", sentence, queue, place, note)


def _end(evidence: Evidence, kept: str, note: Activity | None) -> str:
    if kept and note is not None and not any(_is_refused_too(each) for each in evidence.history.next_of(note)):
        return f"; it is kept in dead-letter queue {evidence.named(kept)}"
    return ""


def _is_refused_too(activity: Activity) -> bool:
    return activity.kind is Kind.DEAD_LETTER and activity.data.get("reason") == "DeadLetterQueueRefused"


def denial_below(evidence: Evidence, delivery: Activity) -> Activity | None:
    """What IAM denied of the delivery itself, not of what the delivered event then caused."""
    found = [delivery]
    while found:
        activity = found.pop()
        if activity.kind is Kind.DECISION and activity.begin.service in ("iam", "lambda") and not activity.data["passed"]:
            return activity
        if activity.kind in (Kind.DELIVERY, Kind.CALL, Kind.WORK):
            found += [each for each in evidence.history.next_of(activity) if each.begin.cause == activity.id]
    return None


def target_words(evidence: Evidence, target: str) -> str:
    """What a target is and how it is called: "function Work", "queue Orders"."""
    node = evidence.node_id(target) or evidence.elsewhere(target)
    kind = next((_KINDS[i.type] for i in evidence.identifiers(target) if i.type in _KINDS), "")
    return f"{kind} {node.logical_id if node else name_of(target)}".strip()


def region_of(arn: str) -> str:
    return arn.split(":")[3] if arn.startswith("arn:") else ""
