"""Messages that the subscriptions of a topic refused, did not receive, or did not take
(https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html).

Filter policies that refuse are how a topic is shared, so a refusal is reported only if no subscription took the message, or
if the policy would match the body instead of the attributes, or the reverse: that is a mistake in any case.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.flow.explain.deliveries import FailedDelivery, refused_by_target
from harness.flow.explain.evidence import Evidence, name_of
from harness.flow.explanation import Finding, Place
from harness.flow.history import Activity
from harness.journal.records import Kind
from harness.topology import Edge
from harness.topology.patterns import FilterPolicy, InvalidFilterPolicyError, Match

_PRINCIPAL = "sns.amazonaws.com"
_OF_SCOPE = {"MessageAttributes": "attributes", "MessageBody": "body"}
_OTHER_SCOPE = {"MessageAttributes": "MessageBody", "MessageBody": "MessageAttributes"}


def find(evidence: Evidence) -> Iterator[Finding]:
    yield from _refused(evidence)
    yield from _undelivered(evidence)
    yield from _unsubscribed(evidence)


# ── refused by a subscription ───────────────────────────────────────────────────────────────────────────────────────


def _refused(evidence: Evidence) -> Iterator[Finding]:
    taken = {
        message for delivery in evidence.of(Kind.DELIVERY, "sns") for message in delivery.data.get("message_ids") or ()
    }
    refusing: dict[str, list[tuple[Activity, Edge | None, Match]]] = {}
    for decision in evidence.of(Kind.DECISION, "sns"):
        if decision.data.get("passed"):
            continue
        if decision.data.get("reason") == "PendingConfirmation":
            yield _unconfirmed(evidence, decision)
            continue
        edge, match, matches_other_scope = _held_against(evidence, decision)
        if matches_other_scope:
            yield _of_other_scope(evidence, decision, edge, match)
            taken.add(str(decision.data.get("message_id")))
        else:
            refusing.setdefault(str(decision.data.get("message_id")), []).append((decision, edge, match))
    for message, decisions in refusing.items():
        if message not in taken:
            nearest = min(decisions, key=lambda each: len(each[2].refusals))
            yield _by_policy(evidence, *nearest, of=len(decisions))


def _held_against(evidence: Evidence, decision: Activity) -> tuple[Edge | None, Match, bool]:
    """The subscription, how its policy matches the message, and whether it would match the other part of it."""
    edge = subscription_edge(evidence, decision.begin.resource)
    data = decision.data
    scope = str(data.get("scope") or "MessageAttributes")
    policy = getattr(edge.condition, "filter_policy", None) if edge else None
    given = policy.text if policy else json.dumps(data.get("pattern"))
    event = data.get("event")
    message = event if isinstance(event, str) else json.dumps(event)
    attributes: Mapping[str, Any] = data.get("attributes") or {}
    match, other = (_match(given, of, message, attributes) for of in (scope, _OTHER_SCOPE[scope]))
    return edge, Match() if match is None else match, bool(other)


def _match(policy: str, scope: str, message: str, attributes: Mapping[str, Any]) -> Match | None:
    try:
        return FilterPolicy.parse(policy, scope).match(message, attributes)
    except InvalidFilterPolicyError:
        return None


def _of_other_scope(evidence: Evidence, decision: Activity, edge: Edge | None, match: Match) -> Finding:
    scope = str(decision.data.get("scope") or "MessageAttributes")
    asked = decision.data.get("pattern")
    refused = [refusal.field for refusal in match.refusals if refusal.path] or list(
        asked if isinstance(asked, dict) else ()
    )
    fields = " and ".join(dict.fromkeys(refused))
    verb = "is" if " and " not in fields else "are"
    sentence = (
        f"{_subscription(evidence, decision.begin.resource)} refused the message: its filter policy is about the message's "
        f"{_OF_SCOPE[scope]}, and {fields} {verb} in the {_OF_SCOPE[_OTHER_SCOPE[scope]]} "
        f"(FilterPolicyScope: {_OTHER_SCOPE[scope]} would take it)."
    )
    place = _place(evidence, decision.begin.resource, edge, match)
    if edge is not None and evidence.property(edge.via, "FilterPolicyScope") is not None:
        place = evidence.place(edge.via, "FilterPolicyScope")
    return evidence.finding("filter-policy-scope", sentence, decision.begin.resource, place, decision)


def _by_policy(evidence: Evidence, decision: Activity, edge: Edge | None, match: Match, *, of: int) -> Finding:
    said = "; ".join(refusal.sentence.rstrip(".") for refusal in match.refusals).replace(
        "the event has", "the message has"
    )
    who = _subscription(evidence, decision.begin.resource, "s")
    whose = "the only one with a filter policy" if of == 1 else f"the nearest of {of}"
    sentence = f"No subscription took the message: {who}, {whose}, refused {said}."
    place = _place(evidence, decision.begin.resource, edge, match)
    return evidence.finding("filter-policy-refused", sentence, decision.begin.resource, place, decision)


def _unconfirmed(evidence: Evidence, decision: Activity) -> Finding:
    arn = decision.begin.resource
    sentence = f"{_subscription(evidence, arn)} did not deliver the message: {decision.data.get('target')} has not confirmed it."
    return evidence.finding("subscription-not-confirmed", sentence, arn, evidence.place(arn), decision)


# ── not taken by the subscriber ─────────────────────────────────────────────────────────────────────────────────────


def _undelivered(evidence: Evidence) -> Iterator[Finding]:
    for note in evidence.of(Kind.DEAD_LETTER, "sns"):
        subscription, endpoint = note.begin.resource, str(note.data.get("source", ""))
        edge = subscription_edge(evidence, subscription)
        if note.data.get("reason") == "DeadLetterQueueRefused":
            continue  # reported with the message for the dead-letter queue
        delivery = evidence.cause_of(note)
        yield refused_by_target(
            evidence,
            FailedDelivery(
                delivery if delivery is not None and delivery.kind is Kind.DELIVERY else note,
                who=f"Topic {evidence.named(topic_of(subscription))}",
                principal=_PRINCIPAL,
                source=topic_of(subscription),
                target=endpoint,
                error=note.data.get("error") or {},
                place=evidence.edge_place(edge) if edge else evidence.place(subscription),
                kept_in=str(note.data.get("target", "")),
                queue_place=evidence.place(edge.via, "RedrivePolicy") if edge else None,
                given_up=note,
            ),
        )


def _unsubscribed(evidence: Evidence) -> Iterator[Finding]:
    for call in evidence.of(Kind.CALL, "sns"):
        topic = str((call.data.get("request") or {}).get("TopicArn") or "")
        published = call.begin.name in ("Publish", "PublishBatch") and topic and not call.goes_on and call.error is None
        if published and not any(a.begin.service == "sns" for a in evidence.caused_by(call)):
            sentence = f"Topic {evidence.named(topic)} has no subscription, so the message was not delivered."
            yield evidence.finding("no-subscription", sentence, topic, evidence.place(topic), call)


# ── words and places ────────────────────────────────────────────────────────────────────────────────────────────────


def subscription_edge(evidence: Evidence, arn: str) -> Edge | None:
    return next((edge for edge in evidence.edges(arn) if edge.kind == "subscription"), None)


def topic_of(subscription_arn: str) -> str:
    return subscription_arn.rpartition(":")[0]


def _subscription(evidence: Evidence, arn: str, capital: str = "S") -> str:
    """ "Subscription ToQueue of topic Orders"; one that no template declares has no name."""
    node = evidence.node_id(arn)
    topic = evidence.named(topic_of(arn))
    return f"{capital}ubscription{f' {node.logical_id}' if node else ''} of topic {topic or name_of(arn)}"


def _place(evidence: Evidence, arn: str, edge: Edge | None, match: Match) -> Place | None:
    """Where the policy requires what it refused."""
    if edge is None:
        return evidence.place(arn, "FilterPolicy")
    return evidence.edge_place(edge, match.refusals[0] if match.refusals else None)
