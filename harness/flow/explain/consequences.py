"""One failure is reported once: a denied call fails its function, and a failed function returns its batch."""

import json
from collections.abc import Iterable, Mapping

from harness.flow.explain.evidence import Evidence
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind


def without_consequences(evidence: Evidence, findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those about a failure that an earlier one reports."""
    told: list[Finding] = []
    for finding in findings:
        if not any(_is_of_one_failure(evidence, finding, other) for other in told):
            told.append(finding)
    return told


def _is_of_one_failure(evidence: Evidence, one: Finding, other: Finding) -> bool:
    """Whether an activity that shows the one is, failed because of, or made fail one that shows the other."""
    others = _failures(evidence, other)
    return any(
        _follows(evidence, a, b) or _follows(evidence, b, a) for a in _failures(evidence, one)[:1] for b in others
    )


def _failures(evidence: Evidence, finding: Finding) -> list[Activity]:
    return [failed for activity in finding.activities if (failed := _failed(evidence, activity)) is not None]


def _failed(evidence: Evidence, activity: Activity) -> Activity | None:
    """The failed activity that a record shows: the activity itself, or the call that the decision is about."""
    if activity.kind is Kind.DECISION and activity.begin.service in ("iam", "lambda"):
        cause = evidence.cause_of(activity)
        return cause if cause is not None and cause.error else None
    return activity if activity.error else None


def _follows(evidence: Evidence, outer: Activity, inner: Activity) -> bool:
    """Whether the outer one is the inner one, or failed because what it caused failed."""
    if outer.id == inner.id:
        return True
    if not any(cause.id == outer.id for cause in evidence.causes(inner)):
        return False
    said = _said(outer)
    error = inner.error
    code = str(error.get("code") or error.get("errorType") or "") if isinstance(error, Mapping) else str(error)
    return bool(code) and code in said


def _said(activity: Activity) -> str:
    """What a failure says, and what was logged before it."""
    return json.dumps([activity.error, activity.data.get("log")], default=str)
