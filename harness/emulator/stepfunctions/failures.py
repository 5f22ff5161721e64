"""Fails a state with one of Step Functions' own errors.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-error-representation
"""

from typing import Any


def failure(env: Any, name: Any, cause: str, *, evaluation: bool = False) -> Exception:
    """The exception that fails the state which `env` evaluates. `name` is a StatesErrorNameType; `evaluation` says that
    an expression could not be evaluated, which has a separate event in the history."""
    from localstack.aws.api.stepfunctions import HistoryEventType
    from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import StatesErrorName

    details = {"error": name.to_name(), "cause": cause}
    kind, member = (
        (HistoryEventType.EvaluationFailed, "evaluationFailedEventDetails")
        if evaluation
        else (HistoryEventType.ExecutionFailed, "executionFailedEventDetails")
    )
    exception: Exception = FailureEventException(
        FailureEvent(env=env, error_name=StatesErrorName(typ=name), event_type=kind, event_details={member: details})
    )
    return exception


def while_executing(env: Any, text: str) -> str:
    """A cause as AWS begins it: with the state, and the event by which it was entered."""
    state = env.states.context_object.context_object_data.get("State", {}).get("Name", "")
    entered = env.event_history_context.source_event_id
    return f"An error occurred while executing the state '{state}' (entered at the event id #{entered}). {text}"
