"""Names of errors of state machines, where LocalStack 4.14.0 differs from AWS.

- A missed heartbeat of a task is `States.HeartbeatTimeout`; LocalStack reports it as `States.Timeout`, so that a Retry or Catch
  for it never takes it. One for `States.Timeout` takes both.
- A Fail state whose `ErrorPath` leads to an error that was caught fails with that error, also when it is one of Step Functions'
  own; LocalStack then fails with `States.Runtime` ("Custom Error Names MUST NOT begin with the prefix 'States.'").

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-error-representation
"""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched, replaced

SERVICE = "stepfunctions"


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.services.stepfunctions.asl.component.common.error_name.custom_error_name import CustomErrorName
    from localstack.services.stepfunctions.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
    from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import FailureEvent
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import StatesErrorName
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.state_task import StateTask
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.state_task_activitiy import (
        StateTaskActivity,
    )
    from localstack.services.stepfunctions.asl.component.state.state_fail import state_fail
    from localstack.services.stepfunctions.asl.eval.callback.callback import HeartbeatTimeoutError

    missed = StatesErrorName(typ=StatesErrorNameType.StatesHeartbeatTimeout)
    timeout = StatesErrorName(typ=StatesErrorNameType.StatesTimeout)

    def from_error(original: Any, self: Any, env: Any, ex: Exception) -> Any:
        failure = original(self, env=env, ex=ex)
        if not isinstance(ex, HeartbeatTimeoutError):
            return failure
        details = {name: {**said, "error": missed.error_name} for name, said in failure.event_details.items()}
        return FailureEvent(env=env, error_name=missed, event_type=failure.event_type, event_details=details)

    # The one of activities does not call that of tasks.
    patched(
        StateTask._from_error,
        because="a missed heartbeat is reported as States.Timeout instead of States.HeartbeatTimeout",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-error-representation",
    )(from_error)
    patched(
        StateTaskActivity._from_error,
        because="a missed heartbeat is reported as States.Timeout instead of States.HeartbeatTimeout",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-error-representation",
    )(from_error)

    @patched(
        ErrorEqualsDecl._eval_body,
        because="a Catch or Retry for States.Timeout takes a missed heartbeat, too",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-error-representation",
    )
    def matches(original: Any, self: Any, env: Any) -> None:
        error_name = env.stack[-1]
        original(self, env)
        if error_name == missed and timeout in self.error_names:
            env.stack[-1] = True

    # LocalStack takes Step Functions' own names for those that a Fail state may not make up.
    own = {each.to_name(): each for each in StatesErrorNameType}

    def name_of(error_name: str | None) -> Any:
        return StatesErrorName(typ=own[error_name]) if error_name in own else CustomErrorName(error_name)

    replaced(
        state_fail,
        "CustomErrorName",
        name_of,
        because="a Fail state may pass on an error of Step Functions itself that was caught",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-error-representation",
    )
