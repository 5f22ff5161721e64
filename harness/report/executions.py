"""The executions of state machines in a flow, state by state."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.flow.causality import Causality, is_execution
from harness.flow.error_text import ErrorText, error_text
from harness.flow.history import Activity
from harness.flow.outcome import Outcome
from harness.journal.records import Kind
from harness.report.placement import Placement


@dataclass(frozen=True, slots=True)
class StateRun:
    """One state of an execution, from entry to exit."""

    state: str
    type: str
    began: float
    seconds: float | None
    """None: the state was not left."""
    outcome: Outcome
    before: Any = None
    after: Any = None
    error: ErrorText | None = None
    events: tuple[str, ...] = ()
    """The types of the history's events while it was the current state."""


@dataclass(frozen=True, slots=True)
class TracedExecution:
    """The execution of a state machine."""

    activity: int
    state_machine: str
    node: str | None
    status: str
    states: tuple[StateRun, ...]


def executions(causality: Causality, placement: Placement, began: float) -> Iterable[TracedExecution]:
    """The executions of a flow, in the order in which they began. `began` is when the flow began."""
    for activity in causality.activities.values():
        if is_execution(activity):
            node = placement.of(activity)
            yield TracedExecution(
                activity=activity.id,
                state_machine=str(activity.data.get("state_machine") or activity.begin.name),
                node=str(node) if node else None,
                status=str(activity.data.get("status") or "RUNNING"),
                states=tuple(_states(activity, causality, began)),
            )


def _states(execution: Activity, causality: Causality, began: float) -> Iterable[StateRun]:
    """The states in the order in which they were entered."""
    steps: list[dict[str, Any]] = []
    step_of: dict[Any, dict[str, Any]] = {}  # by the id of the history's event
    for note in causality.activities.values():
        event = note.data.get("event") if note.kind is Kind.TRANSITION else None
        if not isinstance(event, dict) or not _belongs(note, execution, causality):
            continue
        details, kind = event.get("details") or {}, str(event.get("type"))
        # An event without an id (a token that was left) belongs to the current state.
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
            # With parallel states, the previous event may belong to another state.
            exited = next((s for s in reversed(steps) if s["state"] == note.begin.resource and "ended" not in s), step)
            exited["ended"], exited["after"] = note.begin.at, details.get("output")
        elif "error" in details or kind.endswith(("Failed", "TimedOut", "Aborted")):
            step["error"] = {"code": details.get("error", kind), "message": details.get("cause", "")}
    ended = execution.ended.at if execution.ended else None
    for step in steps:
        left = step.get("ended")
        failed = left is None and ended is not None
        yield StateRun(
            state=step["state"],
            type=step["type"],
            began=step["began"] - began,
            seconds=(left or ended) - step["began"] if (left or ended) else None,
            outcome=Outcome.PENDING
            if not left and not ended
            else Outcome.FAILED
            if failed and "error" in step
            else Outcome.OK,
            before=step["before"],
            after=step.get("after"),
            error=error_text(step.get("error")),
            events=tuple(step["events"]),
        )


def _belongs(note: Activity, execution: Activity, causality: Causality) -> bool:
    """Whether an event belongs to this execution's history, and not to that of an execution that it started."""
    for ancestor in causality.ancestors(note):
        if is_execution(ancestor):
            return ancestor.id == execution.id
    return False
