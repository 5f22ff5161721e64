"""One failure is told once: a call that is denied fails its function, and a function that fails gives its batch back."""

import json
from collections.abc import Iterable, Mapping

from harness.flow.explain.evidence import Evidence
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind


def without_consequences(evidence: Evidence, findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those about a failure that one before them tells."""
    told: list[Finding] = []
    for finding in findings:
        if not any(_is_of_one_failure(evidence, finding, other) for other in told):
            told.append(finding)
    return told


def _is_of_one_failure(evidence: Evidence, one: Finding, other: Finding) -> bool:
    """Whether what shows the one is, failed for, or made fail something that shows the other."""
    others = _failures(evidence, other)
    return any(
        _follows(evidence, a, b) or _follows(evidence, b, a) for a in _failures(evidence, one)[:1] for b in others
    )


def _failures(evidence: Evidence, finding: Finding) -> list[Activity]:
    return [failed for activity in finding.activities if (failed := _failed(evidence, activity)) is not None]


def _failed(evidence: Evidence, activity: Activity) -> Activity | None:
    """The failed activity that a record shows: itself, or the call of which it is a decision."""
    if activity.kind is Kind.DECISION and activity.begin.service in ("iam", "lambda"):
        cause = evidence.cause_of(activity)
        return cause if cause is not None and cause.error else None
    return activity if activity.error else None


def _follows(evidence: Evidence, outer: Activity, inner: Activity) -> bool:
    """Whether the outer one is the inner one, or failed as what it caused did."""
    if outer.id == inner.id:
        return True
    if not any(cause.id == outer.id for cause in evidence.causes(inner)):
        return False
    said = _said(outer)
    error = inner.error
    code = str(error.get("code") or error.get("errorType") or "") if isinstance(error, Mapping) else str(error)
    return bool(code) and code in said


def _said(activity: Activity) -> str:
    """What a failure says, and what was logged on the way to it."""
    return json.dumps([activity.error, activity.data.get("log")], default=str)
