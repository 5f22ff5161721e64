"""The executions of state machines in a flow, state by state."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.flow.history import Activity
from harness.journal.records import Kind
from harness.report.failures import Failure, failure
from harness.report.lineage import Lineage
from harness.report.whereabouts import Whereabouts


@dataclass(frozen=True, slots=True)
class Step:
    """One state of an execution, from entry to exit."""

    state: str
    type: str
    began: float
    seconds: float | None
    """None: it was not left."""
    outcome: str
    """"ok", "failed" or "pending"."""
    before: Any = None
    after: Any = None
    error: Failure | None = None
    events: tuple[str, ...] = ()
    """The types of the history's events while it was the current state."""


@dataclass(frozen=True, slots=True)
class Execution:
    """The execution of a state machine."""

    hop: int
    state_machine: str
    node: str | None
    status: str
    steps: tuple[Step, ...]


def executions(
    activities: Iterable[Activity], lineage: Lineage, whereabouts: Whereabouts, began: float
) -> Iterable[Execution]:
    """Those of a flow that began at a time, in the order in which they began."""
    for activity in activities:
        if activity.kind is Kind.TRANSITION and "execution" in activity.data:
            node = whereabouts.of(activity)
            yield Execution(
                hop=activity.id,
                state_machine=str(activity.data.get("state_machine") or activity.begin.name),
                node=str(node) if node else None,
                status=str(activity.data.get("status") or "RUNNING"),
                steps=tuple(_steps(activity, activities, lineage, began)),
            )


def _steps(execution: Activity, activities: Iterable[Activity], lineage: Lineage, began: float) -> Iterable[Step]:
    """The states in the order in which they were entered."""
    steps: list[dict[str, Any]] = []
    step_of: dict[Any, dict[str, Any]] = {}  # by the id of the history's event
    for note in activities:
        event = note.data.get("event") if note.kind is Kind.TRANSITION else None
        if not isinstance(event, dict) or not _belongs(note, execution, lineage):
            continue
        details, kind = event.get("details") or {}, str(event.get("type"))
        # An event without an id of its own (a token that was left) is of the state that is current.
        step = step_of.get(event.get("previous")) or (steps[-1] if steps and "id" not in event else None)
        if kind.endswith("StateEntered"):
            step = {
                "state": note.begin.resource or details.get("name", ""), "type": kind.removesuffix("StateEntered"),
                "began": note.begin.at, "before": details.get("input"), "events": [],
            }  # fmt: skip
            steps.append(step)
        if step is None:
            continue
        step_of[event.get("id")] = step
        step["events"].append(kind)
        if kind.endswith("StateExited"):
            # With states in parallel the event before may be another's.
            exited = next((s for s in reversed(steps) if s["state"] == note.begin.resource and "ended" not in s), step)
            exited["ended"], exited["after"] = note.begin.at, details.get("output")
        elif "error" in details or kind.endswith(("Failed", "TimedOut", "Aborted")):
            step["error"] = {"code": details.get("error", kind), "message": details.get("cause", "")}
    ended = execution.ended.at if execution.ended else None
    for step in steps:
        left = step.get("ended")
        failed = left is None and ended is not None
        yield Step(
            state=step["state"],
            type=step["type"],
            began=step["began"] - began,
            seconds=(left or ended) - step["began"] if (left or ended) else None,
            outcome="ok" if left else "failed" if failed and "error" in step else "pending" if not ended else "ok",
            before=step["before"],
            after=step.get("after"),
            error=failure(step.get("error")),
            events=tuple(step["events"]),
        )


def _belongs(note: Activity, execution: Activity, lineage: Lineage) -> bool:
    """Whether an event is of this execution's history, and not of one that it started."""
    for ancestor in lineage.ancestors(note):
        if ancestor.kind is Kind.TRANSITION and "execution" in ancestor.data:
            return ancestor.id == execution.id
    return False
