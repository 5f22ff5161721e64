"""Events that no rule of a bus took, and rules whose targets did not take them
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html).

Several rules on one bus are normal, and so is a rule that refuses what another takes. So a refusal is reported only if no rule
took the event, or only a rule that takes everything while another misses by one field of the event's envelope. Of several
rules that refuse, only the nearest is reported.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.flow.explain.deliveries import FailedDelivery, refused_by_target
from harness.flow.explain.evidence import Evidence, name_of
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind
from harness.topology import Edge, NodeId
from harness.topology.patterns import EventPattern, InvalidEventPatternError, Refusal

_ARCHIVE_RULE = "Events-Archive-"
_SIMILAR = 0.9
"""The likeness from which on two names were probably meant to be one: OrderPlaced and Order Placed."""


def find(evidence: Evidence) -> Iterator[Finding]:
    for decisions in _by_event(evidence):
        yield from _unheard(evidence, decisions)
    yield from _undelivered(evidence)


def _by_event(evidence: Evidence) -> Iterator[list[Activity]]:
    """The decisions about each event that came to a bus."""
    found: dict[tuple[Any, ...], list[Activity]] = {}
    for decision in evidence.of(Kind.DECISION, "events"):
        if "schedule" in decision.data:
            continue  # `schedules` reports it: no event reached the bus
        bus = _bus(decision)
        found.setdefault((decision.begin.cause, bus, _event(decision).get("id")), []).append(decision)
    yield from found.values()


# ── no rule took it ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Refusing:
    """A rule that did not forward an event, and why."""

    decision: Activity
    refusals: tuple[Refusal, ...]
    edge: Edge | None

    @property
    def disabled(self) -> bool:
        return self.decision.data.get("reason") == "Disabled"

    @property
    def heads(self) -> list[Refusal]:
        """What it refused in the envelope: the fields that say what kind of event the rule is about."""
        return [refusal for refusal in self.refusals if refusal.path[:1] in (("source",), ("detail-type",))]

    @property
    def distance(self) -> tuple[float, ...]:
        return (len(self.refusals), len(self.heads), -sum(map(_likeness, self.refusals)))

    @property
    def is_near(self) -> bool:
        """Whether it is about this kind of event, except for one field, or for a name that is nearly the same."""
        return len(self.refusals) <= 1 and all(_likeness(refusal) >= _SIMILAR for refusal in self.heads)


def _unheard(evidence: Evidence, decisions: Sequence[Activity]) -> Iterator[Finding]:
    rules = [decision for decision in decisions if not decision.begin.name.startswith(_ARCHIVE_RULE)]
    for decision in rules:
        if decision.data.get("reason") == "NoTargets":
            yield _without_targets(evidence, decision)
            return
    takers = [decision for decision in rules if decision.data.get("passed")]
    if any(not _takes_everything(decision) for decision in takers):
        return
    refusing = sorted((_refusing(evidence, d) for d in rules if d.data.get("rule") and d not in takers), key=_distance)
    nearest = refusing[0] if refusing else None
    event = _event(decisions[0])
    if takers:
        if nearest is not None and nearest.is_near:
            yield _refused(
                evidence, nearest, f"Only {_and(evidence, takers)} took {_words(event)}", "which nearly did", lost=False
            )
        return
    if str(event.get("source", "")).startswith("aws."):
        # Services send an event for everything that happens, and no rule wants most of them: a function removes an object, say,
        # because the rule invoked it for another removal.
        if nearest is not None and nearest.is_near and not _took_another(evidence, nearest):
            yield _refused(evidence, nearest, f"No rule took {_words(event)}")
        return
    bus_says = next((d for d in rules if not d.data.get("rule")), None)
    if bus_says is not None:
        yield from _said_by_bus(evidence, bus_says, event)
    elif nearest is None:
        yield _no_rule(evidence, decisions[0], event)
    elif len(nearest.heads) > 1 and not nearest.disabled:
        yield _rules_about_others(evidence, refusing, event)
    else:
        whose = "the only rule" if len(refusing) == 1 else f"the nearest of {len(refusing)}"
        yield _refused(evidence, nearest, f"No rule took {_words(event)}", whose)


def _took_another(evidence: Evidence, refusing: _Refusing) -> bool:
    """Whether the rule took another event of the same kind in this flow, so that nothing is wrong with the rule."""
    kind = _event(refusing.decision).get("detail-type")
    return any(
        decision.data.get("passed") and _event(decision).get("detail-type") == kind
        for decision in evidence.of(Kind.DECISION, "events")
        if decision.begin.resource == refusing.decision.begin.resource
    )


def _distance(refusing: _Refusing) -> tuple[float, ...]:
    return refusing.distance


def _likeness(refusal: Refusal) -> float:
    """How alike the expected and the found value are, from 0 to 1."""
    return max((_ratio(wanted, refusal.found) for wanted in refusal.wanted.split(" or ")), default=0.0)


def _ratio(one: str, other: str) -> float:
    first, second = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (one, other))
    return difflib.SequenceMatcher(None, first, second).ratio()


def _refusing(evidence: Evidence, decision: Activity) -> _Refusing:
    edge = next((e for e in evidence.edges(decision.begin.resource) if e.kind == "bus_rule"), None)
    pattern = getattr(edge.condition, "pattern", None) if edge else None
    if pattern is None:
        try:
            pattern = EventPattern.parse(json.dumps(decision.data.get("pattern")))
        except InvalidEventPatternError:
            return _Refusing(decision, (), edge)
    return _Refusing(decision, pattern.match(_event(decision)).refusals, edge)


def _takes_everything(decision: Activity) -> bool:
    """Whether a rule is about no particular kind of event: one that logs, archives or forwards every event."""
    pattern = decision.data.get("pattern")
    return isinstance(pattern, Mapping) and not {"detail-type", "detail", "$or"} & pattern.keys()


def _refused(
    evidence: Evidence, refusing: _Refusing, what: str, whose: str = "the nearest", *, lost: bool = True
) -> Finding:
    rule = refusing.decision.begin.resource
    name = evidence.named(rule)
    if refusing.disabled and not refusing.refusals:
        sentence = f"{what}: rule {name}, whose pattern matches it, is disabled."
        return evidence.finding(
            "rule-disabled", sentence, rule, evidence.place(rule, "State"), refusing.decision, lost=lost
        )
    said = "; ".join(refusal.sentence.rstrip(".") for refusal in refusing.refusals)
    also = "; it is disabled, too" if refusing.disabled else ""
    sentence = f"{what}: {name}, {whose}, refused {said}{also}."
    place = evidence.place(rule, "EventPattern")
    if refusing.edge is not None and refusing.refusals:
        place = evidence.edge_place(refusing.edge, refusing.refusals[0])
    return evidence.finding("pattern-refused", sentence, rule, place, refusing.decision, lost=lost)


def _rules_about_others(evidence: Evidence, refusing: Sequence[_Refusing], event: Mapping[str, Any]) -> Finding:
    bus = _bus(refusing[0].decision)
    others = f"its {len(refusing)} rules are" if len(refusing) > 1 else "its one rule is"
    sentence = f"No rule of bus {evidence.named(bus)} is about {_words(event)}: {others} about other events."
    return evidence.finding("no-rule", sentence, bus, evidence.place(bus), refusing[0].decision)


def _no_rule(evidence: Evidence, decision: Activity, event: Mapping[str, Any]) -> Finding:
    bus = _bus(decision)
    sentence = f"Bus {evidence.named(bus)} has no rule that could take {_words(event)}."
    return evidence.finding("no-rule", sentence, bus, evidence.place(bus), decision)


def _said_by_bus(evidence: Evidence, decision: Activity, event: Mapping[str, Any]) -> Iterator[Finding]:
    bus, reason = decision.begin.resource, decision.data["reason"]
    match reason:
        case "NoRules":
            yield _no_rule(evidence, decision, event)
        case "NoSuchEventBus":
            if evidence.elsewhere(bus) is None:  # else `regions` reports it
                sentence = f"There is no bus {name_of(bus)}, and EventBridge drops {_words(event)} without an error."
                yield evidence.finding("no-such-bus", sentence, bus, evidence.place_of_caller(decision), decision)
        case _:
            said = str(decision.data.get("error", "")).rstrip(".")
            sentence = f"EventBridge refused the entry with {_words(event)}: {reason}, {said}."
            yield evidence.finding("entry-refused", sentence, bus, evidence.place(bus), decision)


def _without_targets(evidence: Evidence, decision: Activity) -> Finding:
    rule = decision.begin.resource
    sentence = f"Rule {evidence.named(rule)} took {_words(_event(decision))} and has no target to hand it to."
    return evidence.finding("rule-without-targets", sentence, rule, evidence.place(rule, "Targets"), decision)


# ── a target did not take it ────────────────────────────────────────────────────────────────────────────────────────


def _undelivered(evidence: Evidence) -> Iterator[Finding]:
    for note in evidence.of(Kind.DEAD_LETTER, "events"):
        if note.data.get("reason") == "DeadLetterQueueRefused":
            continue  # reported with the event for the dead-letter queue
        target, error = str(note.data.get("source", "")), note.data.get("error") or {}
        given_up = replace(
            _delivery(evidence, _last_attempt(evidence, note), note.begin.resource, target, error),
            kept_in=str(note.data.get("target", "")),
            given_up=note,
        )
        yield refused_by_target(evidence, given_up)
    for retry in evidence.of(Kind.TIMER, "events"):
        if retry.data.get("what") == "retry" and not evidence.history.next_of(retry):
            yield from _tried_again(evidence, retry)


def _tried_again(evidence: Evidence, retry: Activity) -> Iterator[Finding]:
    """What a target did not take, and what will be delivered again."""
    rule, target_id = retry.begin.resource, retry.begin.name
    attempts = [
        delivery
        for delivery in evidence.of(Kind.DELIVERY, "events", target_id)
        if delivery.data.get("source") == rule and delivery.begin.sequence < retry.begin.sequence and delivery.error
    ]
    if attempts:
        last = attempts[-1]
        finding = refused_by_target(
            evidence, _delivery(evidence, last, rule, str(last.data.get("target", "")), last.error)
        )
        yield replace(finding, sentence=f"{finding.sentence.rstrip('.')}; it is tried again.", lost=False)


def _delivery(
    evidence: Evidence, attempt: Activity, rule: str, target: str, error: Mapping[str, Any]
) -> FailedDelivery:
    edges = [edge for edge in evidence.edges(rule) if edge.kind == "rule_target"]
    own = [number for number, edge in enumerate(edges) if edge.target in (evidence.node_id(target), NodeId("", target))]
    index = own[0] if own else 0
    return FailedDelivery(
        attempt,
        who=f"Rule {evidence.named(rule)}",
        principal="events.amazonaws.com",
        source=rule,
        target=target,
        error=error,
        place=evidence.edge_place(edges[index]) if edges else evidence.place(rule),
        queue_place=evidence.place(rule, "Targets", index, "DeadLetterConfig"),
    )


def _last_attempt(evidence: Evidence, given_up: Activity) -> Activity:
    """The delivery after which an event was given up."""
    rule, target = given_up.begin.resource, given_up.data.get("source")
    attempts = [
        delivery
        for delivery in evidence.of(Kind.DELIVERY, "events")
        if delivery.data.get("source") == rule
        and delivery.data.get("target") == target
        and delivery.begin.sequence < given_up.begin.sequence
        and _event(delivery).get("id") == _event(given_up).get("id")
    ]
    return attempts[-1] if attempts else given_up


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _event(decision: Activity) -> Mapping[str, Any]:
    event = decision.data.get("event")
    return event if isinstance(event, Mapping) else {}


def _bus(decision: Activity) -> str:
    """The ARN of a rule's bus, or the bus that the decision is about."""
    arn = decision.begin.resource
    head, rule, path = arn.partition(":rule/")
    if not rule:
        return arn
    return f"{head}:event-bus/{path.rpartition('/')[0] or 'default'}"


def _words(event: Mapping[str, Any]) -> str:
    if "detail-type" not in event:
        return "the event"
    return f"the event '{event['detail-type']}' of '{event.get('source')}'"


def _and(evidence: Evidence, decisions: Sequence[Activity]) -> str:
    names = [evidence.named(decision.begin.resource) for decision in decisions]
    return f"rule {names[0]}" if len(names) == 1 else f"rules {', '.join(names[:-1])} and {names[-1]}"
