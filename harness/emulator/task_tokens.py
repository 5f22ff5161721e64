"""Task tokens of state machines, which are good for one attempt of one task.

- Whoever calls back a task that was called back, has timed out or whose execution has ended is told so (`TaskTimedOut`).
  LocalStack 4.14.0 lets them believe that they were heard, or says that there is no such token.
- A task that is tried again has a new token. LocalStack gives it the old one, with which the attempt ends at once.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html#API_SendTaskSuccess_Errors
"""

from typing import Any

from localstack.utils.patch import patch

from harness.emulator.service_loading import when_loaded

SERVICE = "stepfunctions"
CLOSED = "harness_closed"
"""Set on the endpoint of a token that is used up, and on the pool of an execution that has ended."""


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.aws.api.stepfunctions import ExecutionStatus, TaskTimedOut
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_callback import (  # noqa: E501
        StateTaskServiceCallback,
    )
    from localstack.services.stepfunctions.asl.eval.callback.callback import CallbackPoolManager
    from localstack.services.stepfunctions.backend.execution import Execution
    from localstack.services.stepfunctions.provider import StepFunctionsProvider

    def refuse_if_closed(pool: Any, token: str) -> None:
        endpoint = pool.get(token)
        if endpoint is not None and (getattr(endpoint, CLOSED, False) or getattr(pool, CLOSED, False)):
            raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'")

    @patch(CallbackPoolManager.notify)
    def notify(original: Any, self: Any, callback_id: str, outcome: Any) -> bool:
        refuse_if_closed(self, callback_id)
        if heard := bool(original(self, callback_id, outcome)):
            setattr(self.get(callback_id), CLOSED, True)
        return heard

    @patch(CallbackPoolManager.heartbeat)
    def heartbeat(original: Any, self: Any, callback_id: str) -> bool:
        refuse_if_closed(self, callback_id)
        return bool(original(self, callback_id))

    @patch(StateTaskServiceCallback._evaluate_with_timeout)
    def attempt(original: Any, self: Any, env: Any) -> None:
        context = env.states.context_object
        token = context.context_object_data.get("Task", {}).get("Token")
        if token is None:
            original(self, env)
            return
        endpoint = env.callback_pool_manager.get(token)
        if getattr(endpoint, CLOSED, False):
            endpoint = env.callback_pool_manager.add(context.update_task_token())
        try:
            original(self, env)
        finally:
            setattr(endpoint, CLOSED, True)

    @patch(Execution.stop)
    def stop(original: Any, self: Any, *arguments: Any, **named: Any) -> None:
        # It is told that it has ended in a thread of its own, later.
        if self.exec_worker is not None:
            setattr(self.exec_worker.env.callback_pool_manager, CLOSED, True)
        original(self, *arguments, **named)

    @patch(StepFunctionsProvider._get_executions)
    def get_executions(original: Any, self: Any, context: Any, execution_status: Any = None) -> Any:
        if execution_status != ExecutionStatus.RUNNING:
            return original(self, context, execution_status)
        # Only those who call back ask for those that run: a token of one that has ended is known, and used up.
        found = original(self, context)
        for execution in found:
            if execution.exec_status != ExecutionStatus.RUNNING:
                setattr(execution.exec_worker.env.callback_pool_manager, CLOSED, True)
        return found
