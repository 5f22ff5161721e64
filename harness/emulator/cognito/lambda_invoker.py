"""Invokes a trigger's function over Lambda's API, as the principal `cognito-idp.amazonaws.com` and within its limits.

Cognito waits 5 seconds for a function and calls it up to three times
(https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html).
"""

import concurrent.futures
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from harness.emulator.access.enforcement import service_may

TIMEOUT_SECONDS = 5.0
ATTEMPTS = 3


class FunctionFailed(Exception):  # noqa: N818 - what happened, not an error of the engine
    """The function ran and raised; the message is its `errorMessage`."""


class InvocationFailed(Exception):  # noqa: N818
    """The function could not be run to its end; the message is the reason as Cognito words it."""


Invoke = Callable[[str, dict[str, Any], str], Any]
"""`(function ARN, event, user pool ARN)` → what the function returned. Raises FunctionFailed or InvocationFailed."""

_CALLS = concurrent.futures.ThreadPoolExecutor(max_workers=64, thread_name_prefix="cognito-trigger")


def invoke(function_arn: str, event: dict[str, Any], pool_arn: str) -> Any:
    """The `Invoke` of the running engine."""
    client = _lambda_of(function_arn)
    # A missing AWS::Lambda::Permission is the usual reason why a trigger that worked in a console fails when deployed
    # (https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html).
    if not service_may("cognito-idp", pool_arn, "lambda:InvokeFunction", function_arn):
        raise InvocationFailed("AccessDeniedException")
    return within_limits(lambda: _invoke_once(client, function_arn, event, pool_arn))


def within_limits(attempt: Callable[[], Any], timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
    """Try up to three times; an attempt that is too slow is abandoned, and its function runs to the end, as on AWS."""
    for _attempt in range(ATTEMPTS):
        call = _CALLS.submit(attempt)
        try:
            return call.result(timeout=timeout_seconds)
        except concurrent.futures.TimeoutError:
            continue
    raise InvocationFailed("Socket timeout while invoking Lambda function")


def _lambda_of(function_arn: str) -> Any:
    _arn, _partition, _service, region, account_id, *_ = function_arn.split(":")
    return connect_to(aws_access_key_id=account_id, region_name=region).lambda_


def _invoke_once(client: Any, function_arn: str, event: dict[str, Any], pool_arn: str) -> Any:
    try:
        answer = client.request_metadata(source_arn=pool_arn, service_principal="cognito-idp").invoke(
            FunctionName=function_arn, Payload=json.dumps(event)
        )
    except ClientError as error:
        raise InvocationFailed(error.response["Error"]["Code"]) from error
    try:
        result = json.loads(answer["Payload"].read() or b"null")
    except ValueError:
        result = None
    if answer.get("FunctionError"):
        raise FunctionFailed((result or {}).get("errorMessage") or "Unhandled")
    return result
