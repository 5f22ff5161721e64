"""Task tokens of state machines, which are valid for one attempt of one task.

- A callback of a task that was called back, has timed out or whose execution has ended is refused (`TaskTimedOut`).
  LocalStack 4.14.0 lets them believe that they were heard, or says that there is no such token.
- A task that is tried again has a new token. LocalStack gives it the old one, with which the attempt ends at once.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html#API_SendTaskSuccess_Errors
"""

from typing import Any

from harness.emulator.host.attachments import CLOSED
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched

SERVICE = "stepfunctions"


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_callback import (  # noqa: E501
        StateTaskServiceCallback,
    )
    from localstack.services.stepfunctions.asl.eval.callback.callback import CallbackPoolManager
    from localstack.services.stepfunctions.backend.execution import Execution
    from localstack.services.stepfunctions.provider import StepFunctionsProvider

    patched(
        CallbackPoolManager.notify,
        because="a task token is good for one attempt, and a late callback is answered TaskTimedOut",
        source="https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html#API_SendTaskSuccess_Errors",
    )(_notify)

    patched(
        CallbackPoolManager.heartbeat,
        because="a task token is good for one attempt, and a late callback is answered TaskTimedOut",
        source="https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html#API_SendTaskSuccess_Errors",
    )(_heartbeat)

    patched(
        StateTaskServiceCallback._evaluate_with_timeout,
        because="a task that is tried again gets a new token",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token",
    )(_attempt)

    patched(
        Execution.stop,
        because="a task token is good for one attempt, and a late callback is answered TaskTimedOut",
        source="https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html#API_SendTaskSuccess_Errors",
    )(_stop)

    patched(
        StepFunctionsProvider._get_executions,
        because="executions that have ended take no callback when they are listed as ended",
        source="https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html#API_SendTaskSuccess_Errors",
    )(_get_executions)


def _refuse_if_closed(pool: Any, token: str) -> None:
    from localstack.aws.api.stepfunctions import TaskTimedOut

    endpoint = pool.get(token)
    if endpoint is not None and (CLOSED.get(endpoint) or CLOSED.get(pool)):
        raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'")


def _notify(original: Any, self: Any, callback_id: str, outcome: Any) -> bool:
    _refuse_if_closed(self, callback_id)
    if heard := bool(original(self, callback_id, outcome)):
        CLOSED[self.get(callback_id)] = True
    return heard


def _heartbeat(original: Any, self: Any, callback_id: str) -> bool:
    _refuse_if_closed(self, callback_id)
    return bool(original(self, callback_id))


def _attempt(original: Any, self: Any, env: Any) -> None:
    context = env.states.context_object
    token = context.context_object_data.get("Task", {}).get("Token")
    if token is None:
        original(self, env)
        return
    endpoint = env.callback_pool_manager.get(token)
    if CLOSED.get(endpoint):
        endpoint = env.callback_pool_manager.add(context.update_task_token())
    try:
        original(self, env)
    finally:
        CLOSED[endpoint] = True


def _stop(original: Any, self: Any, *arguments: Any, **named: Any) -> None:
    # It learns that it has ended later, in a separate thread.
    if self.exec_worker is not None:
        CLOSED[self.exec_worker.env.callback_pool_manager] = True
    original(self, *arguments, **named)


def _get_executions(original: Any, self: Any, context: Any, execution_status: Any = None) -> Any:
    from localstack.aws.api.stepfunctions import ExecutionStatus

    if execution_status != ExecutionStatus.RUNNING:
        return original(self, context, execution_status)
    # Only those who call back ask for those that run: a token of one that has ended is known, and used up.
    found = original(self, context)
    for execution in found:
        if execution.exec_status != ExecutionStatus.RUNNING:
            CLOSED[execution.exec_worker.env.callback_pool_manager] = True
    return found
