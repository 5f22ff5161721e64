"""Schedules without an effect, and runs that their target did not take.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.flow.explain.deliveries import FailedDelivery, refused_by_target
from harness.flow.explain.evidence import Evidence
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind


def find(evidence: Evidence) -> Iterator[Finding]:
    for decision in evidence.of(Kind.DECISION):
        if "schedule" in decision.data and decision.data.get("reason") == "Disabled":
            yield _disabled(evidence, decision)
    for note in evidence.of(Kind.DEAD_LETTER, "scheduler"):
        if note.data.get("reason") == "DeadLetterQueueRefused":
            continue  # reported with the event for the dead-letter queue
        attempt = next(_attempts_before(evidence, note), note)
        given_up = replace(
            _delivery(evidence, attempt, note.data.get("error") or {}, str(note.data.get("source", ""))),
            kept_in=str(note.data.get("target", "")),
            given_up=note,
        )
        yield refused_by_target(evidence, given_up)
    for retry in evidence.of(Kind.TIMER, "scheduler"):
        if retry.data.get("what") == "retry" and not evidence.history.next_of(retry):
            for last in _attempts_before(evidence, retry):
                refused = refused_by_target(
                    evidence, _delivery(evidence, last, last.error or {}, str(last.data.get("target", "")))
                )
                yield replace(refused, sentence=f"{refused.sentence.rstrip('.')}; it is tried again.", lost=False)
                break


def _disabled(evidence: Evidence, decision: Activity) -> Finding:
    schedule = decision.begin.resource
    kind = "rule" if decision.begin.service == "events" else "schedule"
    sentence = f"{kind} {evidence.named(schedule)} is disabled, so {decision.data['schedule']} reaches no target."
    return evidence.finding("schedule-disabled", sentence, schedule, evidence.place(schedule, "State"), decision)


def _attempts_before(evidence: Evidence, activity: Activity) -> Iterator[Activity]:
    """The attempts of a schedule before an activity, the last one first."""
    attempts = [
        delivery
        for delivery in evidence.of(Kind.DELIVERY, "scheduler")
        if delivery.data.get("source") == activity.begin.resource
        and delivery.begin.sequence < activity.begin.sequence
        and delivery.error
    ]
    yield from reversed(attempts)


def _delivery(evidence: Evidence, attempt: Activity, error: Mapping[str, Any], target: str) -> FailedDelivery:
    schedule = attempt.begin.resource if attempt.kind is Kind.DEAD_LETTER else str(attempt.data.get("source", ""))
    return FailedDelivery(
        attempt,
        who=f"Schedule {evidence.named(schedule)}",
        principal="scheduler.amazonaws.com",
        source=schedule,
        target=target,
        error=error,
        place=evidence.place(schedule, "Target"),
        queue_place=evidence.place(schedule, "Target", "DeadLetterConfig"),
    )
