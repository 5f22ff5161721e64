"""How IAM sees Step Functions: what a call asks for."""

from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks


def install() -> None:
    asks("states", _asked)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    for name in ("executionArn", "stateMachineArn", "activityArn", "mapRunArn", "resourceArn"):
        if value := operation.parameters.get(name):
            return [RequestedAction(action, str(value))]
    # The Service Authorization Reference names no resource for these, and AWS takes that of the task all the same: CDK's
    # grantTaskResponse allows them on the state machine (https://github.com/aws/aws-cdk/pull/8486).
    if (token := operation.parameters.get("taskToken")) and (machine := machine_of_task_token(str(token), operation)):
        return [RequestedAction(action, machine)]
    return None


def machine_of_task_token(token: str, operation: Operation) -> str | None:
    """The ARN of the state machine of which a task waits, or has waited, with this token; None for one of an activity."""
    from localstack.services.stepfunctions.asl.eval.callback.callback import ActivityCallbackEndpoint
    from localstack.services.stepfunctions.backend.store import sfn_stores

    for execution in list(sfn_stores[operation.account_id][operation.region].executions.values()):
        worker = execution.exec_worker
        endpoint = worker.env.callback_pool_manager.get(token) if worker is not None else None
        if endpoint is not None and not isinstance(endpoint, ActivityCallbackEndpoint):
            return str(execution.state_machine_arn)
    return None
