"""Records the executions of state machines: begin and end, each event of the history, what they wait for.

A task that waits for a callback leaves its token; the callback takes the token and leaves the outcome; the execution
takes the outcome, and what it does next is caused by both.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

import time
from contextvars import ContextVar
from typing import Any

from harness.emulator.host import attachments
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal import marks, payloads
from harness.emulator.journal.activity import activity
from harness.emulator.journal.causes import CAUSE, doing
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.journal.waiting import waiting
from harness.emulator.patches import patched, replaced
from harness.journal.records import Kind

SERVICE = "stepfunctions"
_RETRYING: ContextVar[Any] = ContextVar("harness_retrying", default=None)


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.services.stepfunctions.asl.component.common.retry import retrier_decl
    from localstack.services.stepfunctions.asl.component.state.state import CommonStateField
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_callback import (  # noqa: E501
        StateTaskServiceCallback,
    )
    from localstack.services.stepfunctions.asl.component.state.state_wait.wait_function.wait_function import (
        WaitFunction,
    )
    from localstack.services.stepfunctions.asl.eval.callback.callback import CallbackPoolManager
    from localstack.services.stepfunctions.asl.eval.environment import Environment
    from localstack.services.stepfunctions.asl.eval.event.event_manager import EventManager
    from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker

    patched(
        ExecutionWorker._execution_logic, because="executions of state machines are recorded with what they wait for"
    )(_execute)

    patched(
        EventManager._publish_history_event, because="executions of state machines are recorded with what they wait for"
    )(_publish)

    patched(CommonStateField.eval, because="executions of state machines are recorded with what they wait for")(
        _evaluate
    )

    patched(Environment.close_frame, because="executions of state machines are recorded with what they wait for")(
        _close_frame
    )

    patched(CallbackPoolManager.add, because="executions of state machines are recorded with what they wait for")(_add)

    patched(
        StateTaskServiceCallback._eval_wait_for_task_token,
        because="executions of state machines are recorded with what they wait for",
    )(_wait_for_callback)

    patched(WaitFunction._wait_interval, because="executions of state machines are recorded with what they wait for")(
        _wait
    )

    patched(
        retrier_decl.RetrierDecl._eval_body, because="executions of state machines are recorded with what they wait for"
    )(_retry)

    class _Time:
        """`time` for a retrier, whose sleep is recorded, can be ended, and ends with the execution."""

        def __getattr__(self, name: str) -> Any:
            return getattr(time, name)

        @staticmethod
        def sleep(seconds: float) -> None:
            _pause(_RETRYING.get(), "retry", seconds, "retry")

    replaced(retrier_decl, "time", _Time(), because="the pause before a retry is recorded and can be ended")


def _execute(original: Any, self: Any) -> None:
    execution, machine = self._evaluation_details.execution_details, self._evaluation_details.state_machine_details
    with activity(
        Kind.TRANSITION,
        service=SERVICE,
        name=machine.name,
        resource=execution.arn,
        account_id=execution.arn.split(":")[4],
        region=execution.arn.split(":")[3],
        data={"state_machine": machine.arn, "execution": execution.arn, "input": execution.inpt},
    ) as running:
        original(self)
        ended = self._execution_communication.execution
        running.ended = {
            "status": ended.exec_status,
            **{k: v for k in ("output", "error", "cause") if (v := getattr(ended, k, None)) is not None},
        }


def _publish(original: Any, self: Any, **event: Any) -> None:
    original(self, **event)
    # Without one it is a test of a state, or no execution.
    if CAUSE.get() is not None:
        _note_event(event)


def _evaluate(original: Any, self: Any, env: Any) -> None:
    with doing(attachments.CAUSE.get(env) or CAUSE.get()):
        original(self, env)


def _close_frame(original: Any, self: Any, frame: Any) -> None:
    original(self, frame)
    # A state with a timeout and the items of a Map run in frames; what called back there let this one continue.
    if (caused_by := attachments.CAUSE.get(frame)) is not None:
        attachments.CAUSE[self] = caused_by


def _add(original: Any, self: Any, callback_id: str) -> Any:
    endpoint = original(self, callback_id)
    # Before the task's call takes the token out of here.
    JOURNAL.note(
        Kind.TRANSITION,
        service=SERVICE,
        name="TaskToken",
        leaves=(marks.task_token(callback_id),),
        data={"event": {"type": "TaskToken"}},
    )
    return endpoint


def _wait_for_callback(original: Any, self: Any, env: Any, **waits: Any) -> Any:
    endpoint, heartbeat, seconds = waits["callback_endpoint"], waits["heartbeat_endpoint"], waits["timeout_seconds"]

    def time_out() -> None:
        if heartbeat is None:
            endpoint._notify_event.set()
        else:
            # The current wait for a heartbeat ends as if one had come; the next one has no time.
            heartbeat._heartbeat_seconds = 0
            heartbeat.notify()

    with waiting(
        "task timeout",
        seconds,
        time_out,
        service=SERVICE,
        name=type(self).__name__,
        resource=_state(env),
        leaves=(marks.task_token(endpoint.callback_id),),
        data={"heartbeat_seconds": heartbeat._heartbeat_seconds} if heartbeat is not None else {},
    ):
        outcome = original(self, env, **waits)
        attachments.CAUSE[env] = JOURNAL.note(
            Kind.TRANSITION,
            service=SERVICE,
            name="TaskTokenReturned",
            takes=(marks.callback(endpoint.callback_id),),
            data={
                "event": {"type": "TaskTokenReturned"},
                "outcome": type(outcome).__name__.removeprefix("CallbackOutcome"),
            },
        )
    return outcome


def _wait(_original: Any, self: Any, env: Any, wait_seconds: float) -> None:
    _pause(env, "Wait", wait_seconds, type(self).__name__)


def _retry(original: Any, self: Any, env: Any) -> None:
    token = _RETRYING.set(env)
    try:
        original(self, env)
    finally:
        _RETRYING.reset(token)


def _pause(env: Any, kind: str, seconds: float, name: str) -> None:
    """Wait in a state until the time is over, the wait is made due, or the execution ends."""
    due = False

    def make_due() -> None:
        nonlocal due
        due = True
        # Left set, so that a thread which is just about to wait does not miss it; nothing else waits for it.
        env.program_state_event.set()

    until = time.monotonic() + seconds
    with waiting(kind, seconds, make_due, service=SERVICE, name=name, resource=_state(env)):
        while not due and env.is_running() and (remaining := until - time.monotonic()) > 0:
            env.program_state_event.wait(remaining)
        env.program_state_event.clear()


def _state(env: Any) -> str:
    """The name of the state that is evaluated; empty outside of one."""
    return str(env.states.context_object.context_object_data.get("State", {}).get("Name", ""))


def _note_event(event: dict[str, Any]) -> None:
    details = event["event_details"] or {}
    # One member, named after the type: stateEnteredEventDetails.
    about: dict[str, Any] = next(iter(details.values()), {}) or {}
    said = {
        name: payloads.text(value) if name in ("input", "output", "parameters") else value
        for name, value in about.items()
    }
    JOURNAL.note(
        Kind.TRANSITION,
        service=SERVICE,
        name=str(event["event_type"]),
        resource=str(about.get("name") or ""),
        data={
            "event": {
                "id": event["event_id"],
                "previous": event["source_event_id"],
                "type": str(event["event_type"]),
                "details": said,
            }
        },
    )
