"""Events of a bucket that no notification reported, and notifications that their target did not take
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html).

Most objects are not meant to be notified of: an object that a function writes into the bucket that invoked it, or one that a
test removes. A refusal is reported only if a client put an object and no notification of the bucket was sent in this flow, or
if the key nearly matches the filter.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from harness.flow.explain.deliveries import FailedDelivery, refused_by_target
from harness.flow.explain.evidence import Evidence, name_of
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind
from harness.topology import Edge
from harness.topology.patterns import Match, ObjectFilter
from harness.topology.patterns.object_filter import filter_rules

_SIMILAR = 0.85


def find(evidence: Evidence) -> Iterator[Finding]:
    decisions: dict[tuple[Any, ...], list[Activity]] = {}
    for decision in evidence.of(Kind.DECISION, "s3"):
        event = decision.data.get("event") or {}
        decisions.setdefault((decision.begin.cause, event.get("name"), event.get("key")), []).append(decision)
    heard = {group[0].begin.resource for group in decisions.values() if any(d.data.get("passed") for d in group)}
    for group in decisions.values():
        if not any(decision.data.get("passed") for decision in group):
            yield from _unheard(evidence, group, wiring_works=group[0].begin.resource in heard)
    yield from _undelivered(evidence)


def _unheard(evidence: Evidence, decisions: list[Activity], *, wiring_works: bool) -> Iterator[Finding]:
    bucket = decisions[0].begin.resource
    event = decisions[0].data.get("event") or {}
    name, key = str(event.get("name", "")), str(event.get("key", ""))
    of_kind = [held for d in decisions if (held := _held(evidence, d, name, key)) and _same_family(held[1], name)]
    if not of_kind:
        return
    decision, configured, match = min(of_kind, key=lambda held: (len(held[2].refusals), -_likeness(held[1], key)))
    by_client = all(a.kind is not Kind.INVOCATION for a in evidence.causes(decision))
    if not (by_client and not wiring_works) and not any(_likeness(each, key) >= _SIMILAR for _, each, _ in of_kind):
        return
    refusal = match.refusals[0] if match.refusals else None
    said = "; ".join(_lowered(refusal.sentence.rstrip(".")) for refusal in match.refusals)
    whose = "the only one" if len(decisions) == 1 else f"the nearest of {len(decisions)}"
    sentence = (
        f"No notification of bucket {evidence.named(bucket)} reported '{key}' ({name}): the one for "
        f"{evidence.named(str(decision.data.get('target')))}, {whose}, refused it, as {said}."
    )
    edge = _edge(evidence, decision, configured)
    cause = "event-type-mismatch" if refusal is not None and refusal.path == ("eventName",) else "object-key-mismatch"
    place = evidence.edge_place(edge, refusal) if edge else evidence.place(bucket, "NotificationConfiguration")
    yield evidence.finding(cause, sentence, bucket, place, decision)


def _held(evidence: Evidence, decision: Activity, name: str, key: str) -> tuple[Activity, ObjectFilter, Match] | None:
    del evidence
    pattern: Mapping[str, Any] = decision.data.get("pattern") or {}
    rules = ((pattern.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
    named = [(str(rule.get("Name", "")), str(rule.get("Value", ""))) for rule in rules]
    configured = ObjectFilter(tuple(pattern.get("Events") or ()), *filter_rules(named))
    return decision, configured, configured.match(name, key, encoded=False)


def _same_family(configured: ObjectFilter, name: str) -> bool:
    """Whether it is about such events (objects created, removed, restored), by any request."""
    family = name.removeprefix("s3:").partition(":")[0]
    return any(event.removeprefix("s3:").partition(":")[0] in (family, "*") for event in configured.events)


def _likeness(configured: ObjectFilter, key: str) -> float:
    """How closely the key matches the filter, from 0 to 1."""
    begins = _ratio(configured.prefix, key[: len(configured.prefix)]) if configured.prefix else 1.0
    ends = _ratio(configured.suffix, key[-len(configured.suffix) :]) if configured.suffix else 1.0
    return min(begins, ends)


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio()


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _edge(evidence: Evidence, decision: Activity, configured: ObjectFilter) -> Edge | None:
    bucket, target = evidence.node_id(decision.begin.resource), evidence.node_id(str(decision.data.get("target")))
    if bucket is None:
        return None
    for edge in evidence.topology.leaving(bucket, "notification"):
        own = edge.condition
        if (
            isinstance(own, ObjectFilter)
            and edge.target == target
            and (own.prefix, own.suffix)
            == (
                configured.prefix,
                configured.suffix,
            )
        ):
            return edge
    return None


def _undelivered(evidence: Evidence) -> Iterator[Finding]:
    for delivery in evidence.of(Kind.DELIVERY, "s3"):
        if not delivery.error:
            continue
        bucket, target = delivery.begin.resource, str(delivery.data.get("target", ""))
        node = evidence.node_id(bucket)
        edges = evidence.topology.leaving(node, "notification") if node else ()
        edge = next((each for each in edges if each.target == evidence.node_id(target)), None)
        yield refused_by_target(
            evidence,
            FailedDelivery(
                delivery,
                who=f"Bucket {evidence.named(bucket) or name_of(bucket)}",
                principal="s3.amazonaws.com",
                source=bucket,
                target=target,
                error=delivery.error if isinstance(delivery.error, Mapping) else {},
                place=evidence.edge_place(edge) if edge else evidence.place(bucket),
            ),
        )
