"""Names of errors of the optimised integrations with Lambda and DynamoDB.

Step Functions calls these with AWS's SDK for Java 1: an error that the service's model does not name gets the name of the
service's own exception class, so a ValidationException of DynamoDB is `DynamoDB.AmazonDynamoDBException`. LocalStack 4.14.0
takes the code of the error, which no Catch that works on AWS would take.
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception

A function that ran into its timeout fails its task with `Sandbox.Timedout`, which Lambda says in no field of the error.
https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
"""

import json
import re
from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched, replaced

SERVICE = "stepfunctions"
_TIMED_OUT = re.compile(r"Task timed out after \d+\.\d{2} seconds$")


def named(service: str, base: str, error: Any) -> str:
    """The name of a botocore ClientError: its own where the service's model has it, else that of the base class."""
    code = error.response["Error"]["Code"]
    return f"{service}.{base}" if type(error).__name__ == "ClientError" else f"{service}.{code}"


def with_type(payload: str) -> str:
    """The payload of a function's error, with the type that Step Functions gives to a timeout."""
    try:
        error = json.loads(payload)
    except ValueError:
        return payload
    if isinstance(error, dict) and "errorType" not in error and _TIMED_OUT.search(str(error.get("errorMessage"))):
        return json.dumps({**error, "errorType": "Sandbox.Timedout"}, separators=(",", ":"))
    return payload


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import lambda_eval_utils
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_dynamodb import (  # noqa: E501
        StateTaskServiceDynamoDB,
    )
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_lambda import (  # noqa: E501
        StateTaskServiceLambda,
    )

    def correct(owner: Any, service: str, base: str) -> None:
        name_and_cause = owner._error_cause_from_client_error

        def corrected(client_error: Any) -> tuple[str, str]:
            _, cause = name_and_cause(client_error)
            return named(service, base, client_error), cause

        replaced(
            owner,
            "_error_cause_from_client_error",
            staticmethod(corrected),
            because="errors of integrations have the code of the service instead of the SDK's name",
            source="https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception",
        )

    correct(StateTaskServiceDynamoDB, "DynamoDB", "AmazonDynamoDBException")
    correct(StateTaskServiceLambda, "Lambda", "AWSLambdaException")

    @patched(
        lambda_eval_utils.LambdaFunctionErrorException.__init__,
        because="a function's timeout fails its task without Sandbox.Timedout",
        source="https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html",
    )
    def init(original: Any, self: Any, function_error: str | None, payload: str) -> None:
        original(self, function_error, with_type(payload))
