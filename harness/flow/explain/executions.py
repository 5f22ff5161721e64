"""Executions of state machines that failed, and those that wait for a callback that does not arrive.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.flow.explain.evidence import Evidence
from harness.flow.explain.failures import failure_of_call, first_line, is_invoke
from harness.flow.explanation import Finding, Place
from harness.flow.history import Activity
from harness.journal.records import Kind, Phase
from harness.topology.readers.workflows import place_of_state

_CALLBACKS = ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat")
_REFUSALS = {
    "InvalidToken": "no task has that token",
    "TaskDoesNotExist": "no task waits with that token any more",
    "TaskTimedOut": "the task of that token has ended",
}
"""https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html#API_SendTaskSuccess_Errors"""


def find(evidence: Evidence) -> Iterator[Finding]:
    executions = [Execution(evidence, a) for a in evidence.of(Kind.TRANSITION) if a.begin.phase is not Phase.NOTE]
    failed = [execution for execution in executions if execution.ended_badly and not execution.is_cared_for]
    for execution in failed:
        # An execution's own failure says more than the failure of the execution that started it.
        if not any(execution.failed_for(other) for other in failed):
            yield _failed(execution)
    waits = [(execution, timer) for execution in executions for timer in execution.waits()]
    refused = [call for name in _CALLBACKS for call in evidence.of(Kind.CALL, "stepfunctions", name) if _code(call)]
    told: set[int] = set()
    for call in refused:
        yield from _refused(evidence, call, waits, executions, told)
    for execution, timer in waits:
        if timer.id not in told:
            yield _awaited(execution, timer)


def _code(call: Activity) -> str:
    code = call.error.get("code") if isinstance(call.error, Mapping) else None
    return code if code in _REFUSALS else ""


@dataclass(frozen=True)
class Execution:
    """One execution, with the events of its history."""

    evidence: Evidence
    activity: Activity

    @property
    def machine(self) -> str:
        """The ARN of its state machine."""
        return str(self.activity.data["state_machine"])

    @property
    def named(self) -> str:
        return f"state machine {self.evidence.named(self.machine)}"

    @property
    def ended_badly(self) -> bool:
        return self.activity.data.get("status") in ("FAILED", "TIMED_OUT", "ABORTED")

    @property
    def is_cared_for(self) -> bool:
        """Whether another execution started it, and succeeded nevertheless."""
        outer = next(
            (c for c in self.evidence.causes(self.activity) if c.kind is Kind.TRANSITION and _is_whole(c)), None
        )
        return outer is not None and outer.data.get("status") == "SUCCEEDED"

    def failed_for(self, inner: "Execution") -> bool:
        """Whether it failed because one that it started failed; its cause then contains that one's."""
        said = str(self.activity.data.get("cause") or "")
        signs = (inner.activity.begin.resource, str(inner.activity.data.get("error") or ""))
        return any(sign and sign in said for sign in signs) and any(
            cause.id == self.activity.id for cause in self.evidence.causes(inner.activity)
        )

    @cached_property
    def notes(self) -> list[Activity]:
        """The records of its history, in order."""
        caused = self.evidence.caused_by(self.activity)
        return [n for n in caused if n.kind is Kind.TRANSITION and not _is_whole(n) and self._is_own(n)]

    def _is_own(self, note: Activity) -> bool:
        inner = next((c for c in self.evidence.causes(note) if c.kind is Kind.TRANSITION and _is_whole(c)), None)
        return inner is not None and inner.id == self.activity.id

    @cached_property
    def events(self) -> Mapping[int, Activity]:
        """By their id in the history."""
        return {int(note.data["event"]["id"]): note for note in self.notes if "id" in note.data["event"]}

    def before(self, note: Activity) -> Iterator[Activity]:
        """An event and those that led to it, the newest first.

        Child workflows of a distributed Map count their events from 1 again, so an id does not prove that an event came before.
        """
        current: Activity | None = note
        while current is not None:
            yield current
            event = current.data["event"]
            previous = int(event.get("previous") or 0)
            current = self.events.get(previous) if previous < int(event.get("id") or 0) else None

    def state_of(self, note: Activity) -> str:
        """The last state that was entered before an event."""
        entered = (n.begin.resource for n in self.before(note) if n.begin.name.endswith("StateEntered"))
        return next(entered, "")

    def place(self, state: str, *path: str | int) -> Place | None:
        node = self.evidence.node_id(self.machine)
        resource = self.evidence.topology.resources.get(node) if node else None
        at = place_of_state(resource, state, *path) if resource else None
        return Place(*at) if at else self.evidence.place(self.machine)

    def finding(self, cause: str, sentence: str, place: Place | None, *shown: Activity, lost: bool = True) -> Finding:
        return self.evidence.finding(cause, sentence, self.machine, place, *shown, lost=lost)

    def has_token(self, call: Activity) -> bool:
        """Whether a callback was for a task of this execution."""
        return any(set(note.leaves) & set(call.takes) for note in self.notes if note.begin.name == "TaskToken")

    def waits(self) -> Iterator[Activity]:
        """The timers that run while its tasks wait for a callback; they are about a state."""
        for timer in self.evidence.of(Kind.TIMER, "stepfunctions"):
            if timer.goes_on and timer.data.get("what") == "task timeout" and self._is_own(timer):
                yield timer


def _is_whole(transition: Activity) -> bool:
    """Whether this is an execution, and not an event of its history."""
    return transition.begin.phase is not Phase.NOTE


# ── what failed ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _failed(execution: Execution) -> Finding:
    end = next((n for n in reversed(execution.notes) if n.begin.name in _ENDS), None)
    status, error = execution.activity.data.get("status"), str(execution.activity.data.get("error") or "")
    state = execution.state_of(end) if end else ""
    shown = tuple(each for each in (execution.activity, end) if each is not None)
    if status == "TIMED_OUT":
        sentence = f"{execution.named} did not end within its timeout, in state {state}."
        return execution.finding("execution-timed-out", sentence, execution.place("", "TimeoutSeconds"), *shown)
    if status == "ABORTED":
        sentence = f"an execution of {execution.named} was stopped in state {state}."
        return execution.finding("execution-stopped", sentence, execution.place(state), *shown)
    where = f"state {state} of {execution.named}"
    led = list(execution.before(end)) if end else []
    entered = next((n.begin.name for n in led if n.begin.name.endswith("StateEntered")), "")
    # Step Functions' own failure of a Choice is States.NoChoiceMatched
    # (https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html); LocalStack 4.14.0 says States.Runtime.
    if error == "States.NoChoiceMatched" or (
        entered == "ChoiceStateEntered" and "No branching option" in _cause(execution)
    ):
        sentence = f"{where} failed: none of its choices matches its input, and it has no Default."
        return execution.finding("no-choice-matched", sentence, execution.place(state), *shown)
    if entered == "FailStateEntered":
        said = f"{error}: {_cause(execution)}" if error and _cause(execution) else error or _cause(execution)
        if (before := _last_caught(led)) is not None:
            return _failed_after(execution, before, state, said, shown)
        sentence = f"{execution.named} came to its state {state}, which fails{f' with {said}' if said else ''}."
        return execution.finding("fail-state-reached", sentence, execution.place(state), *shown)
    if any(n.begin.name.endswith("TimedOut") for n in led):
        return _timed_out(execution, state, where, shown)
    failure = _failure(execution, led)
    why = failure or (f"{error}: {_cause(execution)}" if _cause(execution) else error)
    caught = _caught(execution, state)
    uncaught = f"its Catch is for {caught} only" if caught else "nothing catches that"
    sentence = f"{where} failed, and {uncaught}: {why}."
    return execution.finding("state-failed", sentence, execution.place(state), *shown)


_ENDS = ("ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
_FAILURES = ("LambdaFunctionFailed", "LambdaFunctionTimedOut", "TaskFailed", "TaskSubmitFailed", "TaskTimedOut")


def _last_caught(led: list[Activity]) -> list[Activity] | None:
    """Of what led to an end: the last failure that a Catch took, so that it did not fail the execution, and what led to that
    failure. After a retried failure another attempt follows, not the state's exit."""
    for index, (later, earlier) in enumerate(itertools.pairwise(led), 1):
        if later.begin.name.endswith("StateExited") and earlier.begin.name in _FAILURES:
            return led[index:]
    return None


def _failed_after(
    execution: Execution, led: list[Activity], end: str, said: str, shown: tuple[Activity, ...]
) -> Finding:
    """A Fail state that a Catch led to: the caught error is the reason."""
    failed, state = led[0], execution.state_of(led[0])
    where = f"state {state} of {execution.named}"
    error = str(failed.data["event"]["details"].get("error") or "")
    times = sum(1 for note in led if note.begin.name in _FAILURES and execution.state_of(note) == state)
    failed_so = "failed" if times == 1 else f"failed {times} times"
    path: tuple[str, ...] = ()
    if failed.begin.name.endswith("TimedOut"):
        _, why, path = _silence(execution, state, failed)
    else:
        why = (
            _failure(execution, led) or f"{error}: {first_line(_message(failed.data['event']['details'].get('cause')))}"
        )
    then = f"the execution came to its state {end}"
    if said.partition(":")[0] not in ("", error):
        # The Fail state ends with another error than the caught one.
        then += f", which fails with {said}"
    sentence = f"{where} {failed_so}: {why}; its Catch went on, and {then}."
    return execution.finding("caught-and-failed", sentence, execution.place(state, *path), *shown, failed)


def _timed_out(execution: Execution, state: str, where: str, shown: tuple[Activity, ...]) -> Finding:
    cause, why, path = _silence(execution, state, shown[-1])
    return execution.finding(cause, f"{where} failed: {why}.", execution.place(state, *path), *shown)


def _silence(execution: Execution, state: str, until: Activity) -> tuple[str, str, tuple[str, ...]]:
    """For a state that timed out before a note: the finding, a clause that gives the reason, and the property with the time."""
    notes = [n for n in execution.notes if n.begin.sequence <= until.begin.sequence]
    scheduled = [n for n in notes if n.begin.name == "TaskScheduled" and execution.state_of(n) == state]
    details = scheduled[-1].data["event"]["details"] if scheduled else {}
    outcomes = [n.data.get("outcome") for n in notes if n.begin.name == "TaskTokenReturned"]
    if "HeartbeatTimedOut" in outcomes[-1:]:
        seconds = _seconds(details.get("heartbeatInSeconds"))
        return (
            "heartbeat-missed",
            f"no heartbeat with its task token arrived within {seconds}",
            ("HeartbeatSeconds",),
        )
    seconds = _seconds(details.get("timeoutInSeconds"))
    is_callback = str(details.get("resource", "")).endswith(".waitForTaskToken")
    what = "no callback for its task arrived" if is_callback else "its task did not end"
    return "task-timed-out", f"{what} within {seconds}", ("TimeoutSeconds",)


def _seconds(value: Any) -> str:
    return "its timeout" if value is None else "1 second" if int(value) == 1 else f"{int(value)} seconds"


def _cause(execution: Execution) -> str:
    return first_line(_message(execution.activity.data.get("cause")))


def _message(cause: Any) -> Any:
    """What an error's cause says; for a function's error, its message."""
    text: Any = cause or ""
    if isinstance(text, str):
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = None
        text = parsed if isinstance(parsed, Mapping) else text
    return text.get("errorMessage") if isinstance(text, Mapping) else text


def _failure(execution: Execution, led: list[Activity]) -> str:
    """What the function says that the task ran last; "" if no function failed."""
    if not any(n.begin.name in ("LambdaFunctionFailed", "TaskFailed", "LambdaFunctionTimedOut") for n in led):
        return ""
    until = led[0].begin.sequence
    calls = [c for c in execution.evidence.caused_by(execution.activity) if is_invoke(c) and c.begin.sequence < until]
    for call in reversed(calls):
        failure = failure_of_call(execution.evidence, call)
        return failure.clause if failure else ""
    return ""


def _caught(execution: Execution, state: str) -> str:
    """The errors that the state catches, if any."""
    node = execution.evidence.node_id(execution.machine)
    for edge in execution.evidence.topology.leaving(node, "task") if node else ():
        if getattr(edge.condition, "state", "") == state:
            return ", ".join(getattr(edge.condition, "caught", ()))
    return ""


# ── callbacks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _awaited(execution: Execution, timer: Activity) -> Finding:
    state, since = timer.begin.resource, time.strftime("%H:%M:%S UTC", time.gmtime(timer.begin.at))
    sentence = f"state {state} of {execution.named} has waited to be called back since {since}."
    return execution.finding(
        "callback-awaited", sentence, execution.place(state), timer, execution.activity, lost=False
    )


def _refused(
    evidence: Evidence,
    call: Activity,
    waits: list[tuple[Execution, Activity]],
    executions: list[Execution],
    told: set[int],
) -> Iterator[Finding]:
    """A callback that did not reach a task."""
    code = _code(call)
    refused = f"{call.begin.name} was refused ({code}): {_REFUSALS[code]}"
    if (owner := next((each for each in executions if each.has_token(call)), None)) is not None:
        # The failure for want of this callback is already reported.
        if not owner.ended_badly:
            sentence = f"{refused}, and {owner.named} has gone on without it."
            yield owner.finding("token-used-up", sentence, evidence.place(owner.machine), call, owner.activity)
    elif waits:
        told.update(timer.id for _, timer in waits)
        execution, timer = waits[0]
        state = timer.begin.resource
        sentence = f"{refused}, and state {state} of {execution.named} still waits to be called back."
        yield execution.finding("token-refused", sentence, execution.place(state), call, timer)
    else:
        yield evidence.finding("token-refused", f"{refused}.", call.begin.resource, None, call)
