"""Whether a function's resource policy lets API Gateway invoke it.

LocalStack 4.14.0 keeps these policies and never asks them.
https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-permissions
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localstack.services.lambda_.api_utils import function_locators_from_arn
from localstack.services.lambda_.invocation.models import lambda_stores

from harness.emulator.apigateway.policy import matches

API_GATEWAY = "apigateway.amazonaws.com"
_TESTS = ("ArnLike", "ArnEquals", "StringEquals", "StringLike")
_REFUSED: list[Callable[[str, str], None]] = []


def on_refused(listener: Callable[[str, str], None]) -> None:
    """Call `listener` with the function's ARN and the source's whenever a function refuses."""
    _REFUSED.append(listener)


def may_invoke(function_arn: str, source_arn: str) -> bool:
    """Whether `function_arn`, which may end in a version or an alias, permits the method or authorizer `source_arn`.

    A function that is not there permits nothing.
    """
    permitted = any(_permits(statement, source_arn) for statement in _statements(function_arn))
    if not permitted:
        for listener in _REFUSED:
            listener(function_arn, source_arn)
    return permitted


def _statements(function_arn: str) -> Iterator[Mapping[str, Any]]:
    name, qualifier, account, region = function_locators_from_arn(function_arn)
    function = lambda_stores[account][region].functions.get(name)
    if function is None:
        return
    policy = function.permissions.get(qualifier or "$LATEST")
    if policy is not None:
        yield from policy.policy.Statement


def _permits(statement: Mapping[str, Any], source_arn: str) -> bool:
    principal = statement.get("Principal")
    service = principal.get("Service") or principal.get("AWS") if isinstance(principal, Mapping) else principal
    if statement["Effect"] != "Allow" or service not in (API_GATEWAY, "*"):
        return False
    # What the request does not bring (aws:PrincipalOrgID, say) never matches, as in IAM.
    request = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_arn.split(":")[4]}
    conditions = statement.get("Condition") or {}
    return all(
        test in _TESTS
        and key.lower() in request
        and any(matches(str(pattern), request[key.lower()]) for pattern in _listed(patterns))
        for test, keys in conditions.items()
        for key, patterns in keys.items()
    )


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
