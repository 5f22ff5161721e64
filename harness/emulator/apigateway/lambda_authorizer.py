"""TOKEN and REQUEST authorizers: a function decides, and its result is cached.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

import json
import logging
import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    AuthorizerConfigurationError,
    UnauthorizedError,
)
from localstack.services.apigateway.next_gen.execute_api.header_utils import build_multi_value_headers

from harness.emulator.access.conditions import Facts
from harness.emulator.apigateway.function_permission import may_invoke
from harness.emulator.apigateway.policy import PolicyDecision, PolicyError, decide
from harness.emulator.bounded.expressions import LimitedRe

LOG = logging.getLogger(__name__)
DEFAULT_TTL_SECONDS = 300


class Answers:
    """What authorizers answered, until their time is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Any, ...], tuple[float, dict[str, Any]]] = {}

    def get(self, key: tuple[Any, ...]) -> dict[str, Any] | None:
        with self._lock:
            until, answer = self._kept.get(key, (0.0, None))
            return answer if until > time.monotonic() else None

    def keep(self, key: tuple[Any, ...], answer: dict[str, Any], ttl_seconds: float) -> None:
        now = time.monotonic()
        with self._lock:
            self._kept = {k: v for k, v in self._kept.items() if v[0] > now}
            self._kept[key] = (now + ttl_seconds, answer)

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()


ANSWERS = Answers()
"""Those of this LocalStack process; a reset forgets them."""


def method_arn(context: RestApiInvocationContext) -> str:
    request = context.invocation_request
    return (
        f"arn:aws:execute-api:{context.region}:{context.account_id}:{context.api_id}/{context.stage}/"
        f"{request['http_method']}/{request['path'].lstrip('/')}"
    )


def authorize(
    context: RestApiInvocationContext, authorizer: Mapping[str, Any], *, allowed_by_policy: bool = False
) -> dict[str, Any]:
    """`requestContext.authorizer` for the integration.

    `allowed_by_policy`: the API's resource policy allows the call, which is enough where the authorizer's says nothing of
    it; an explicit deny of the authorizer's still wins.
    Raises UnauthorizedError, AccessDeniedError, and AuthorizerConfigurationError where the function or its answer is
    at fault; the log then says how.
    """
    started = time.monotonic()
    values = _identity(context, authorizer)
    ttl = authorizer.get("authorizerResultTtlInSeconds")
    ttl = DEFAULT_TTL_SECONDS if ttl is None else int(ttl)
    # A deployment empties the cache, as on AWS.
    key = (context.account_id, context.region, context.api_id, context.stage, context.deployment_id)
    key = (*key, authorizer["id"], *values)
    answer = ANSWERS.get(key) if ttl and values else None
    if answer is None:
        answer = checked(_invoke(context, authorizer, values))
        if ttl and values:
            ANSWERS.keep(key, answer, ttl)
    # The kept policy is for the whole stage: one that names only the first caller's method refuses the next.
    try:
        decision = decide(answer["policyDocument"], method_arn(context), _facts(context))
    except PolicyError as error:
        raise _at_fault(authorizer, str(error)) from error
    if decision is PolicyDecision.EXPLICIT_DENY or (decision is PolicyDecision.IMPLICIT_DENY and not allowed_by_policy):
        suffix = " with an explicit deny" if decision is PolicyDecision.EXPLICIT_DENY else ""
        raise AccessDeniedError(f"User is not authorized to access this resource{suffix}")
    if usage_key := answer.get("usageIdentifierKey"):
        context.context_variables["identity"]["apiKey"] = usage_key
    return {
        "principalId": answer["principalId"],
        **{k: as_text(v) for k, v in (answer.get("context") or {}).items()},
        "integrationLatency": int((time.monotonic() - started) * 1000),
    }


def _facts(context: RestApiInvocationContext) -> Facts:
    """The condition keys that an authorizer's policy can name."""
    now = datetime.now(UTC)
    facts = {
        "aws:currenttime": (now.isoformat(),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "aws:securetransport": ("true",),
        "aws:sourceip": (context.request.remote_addr or "127.0.0.1",),
    }
    headers = context.request.headers
    for key, header in (("aws:useragent", "User-Agent"), ("aws:referer", "Referer")):
        if value := headers.get(header):
            facts[key] = (value,)
    return facts


def _identity(context: RestApiInvocationContext, authorizer: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of the identity sources; a missing one is refused without asking the function."""
    sources = [s.strip() for s in (authorizer.get("identitySource") or "").split(",") if s.strip()]
    if authorizer["type"] == "TOKEN" and not sources:
        sources = ["method.request.header.Authorization"]
    values = [_value(context, source) for source in sources]
    if not all(values):
        raise UnauthorizedError("Unauthorized")
    expression = authorizer.get("identityValidationExpression")
    if authorizer["type"] == "TOKEN" and expression and not LimitedRe().fullmatch(expression, str(values[0])):
        raise UnauthorizedError("Unauthorized")
    return tuple(map(str, values))


def _value(context: RestApiInvocationContext, source: str) -> Any:
    request = context.invocation_request
    if source.startswith("method.request.header."):
        return request["headers"].get(source.removeprefix("method.request.header."))
    if source.startswith("method.request.querystring."):
        return request["query_string_parameters"].get(source.removeprefix("method.request.querystring."))
    if source.startswith("stageVariables."):
        return (context.stage_variables or {}).get(source.removeprefix("stageVariables."))
    if source.startswith("context."):
        value: Any = context.context_variables
        for part in source.removeprefix("context.").split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value
    raise AuthorizerConfigurationError(f"identity source {source} cannot be read")


def request_event(context: RestApiInvocationContext) -> dict[str, Any]:
    """The event of a REQUEST authorizer."""
    request, variables = context.invocation_request, context.context_variables
    headers = request["headers"]
    return {
        "type": "REQUEST",
        "methodArn": method_arn(context),
        "resource": context.resource["path"],
        "path": request["path"],
        "httpMethod": request["http_method"],
        "headers": dict(headers),
        "multiValueHeaders": dict(build_multi_value_headers(headers)),
        "queryStringParameters": dict(request["query_string_parameters"]),
        "multiValueQueryStringParameters": dict(request["multi_value_query_string_parameters"]),
        "pathParameters": dict(request.get("path_parameters") or {}),
        "stageVariables": dict(context.stage_variables or {}),
        "requestContext": {
            "resourceId": context.resource["id"],
            "resourcePath": context.resource["path"],
            **{k: v for k, v in variables.items() if k not in ("authorizer", "error", "isCanaryRequest")},
        },
    }


def _invoke(context: RestApiInvocationContext, authorizer: Mapping[str, Any], values: tuple[str, ...]) -> Any:
    function = re.search(r"/functions/(.+)/invocations$", authorizer.get("authorizerUri") or "")
    if function is None:
        raise _at_fault(authorizer, "authorizerUri names no Lambda function")
    client = connect_to(aws_access_key_id=context.account_id, region_name=context.region).lambda_
    source = (
        f"arn:aws:execute-api:{context.region}:{context.account_id}:{context.api_id}/authorizers/{authorizer['id']}"
    )
    if not authorizer.get("authorizerCredentials") and not may_invoke(function[1], source):
        raise _at_fault(authorizer, f"{function[1]} gives apigateway.amazonaws.com no permission for {source}")
    if authorizer["type"] == "TOKEN":
        event = {"type": "TOKEN", "methodArn": method_arn(context), "authorizationToken": values[0]}
    else:
        event = request_event(context)
    try:
        answer = client.invoke(FunctionName=function[1], Payload=json.dumps(event, default=str))
    except ClientError as error:
        raise _at_fault(authorizer, str(error)) from error
    body = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        if isinstance(body, dict) and body.get("errorMessage") == "Unauthorized":
            raise UnauthorizedError("Unauthorized")
        raise _at_fault(authorizer, f"the function failed: {body}")
    return body


def checked(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict) or not answer.get("principalId") or "policyDocument" not in answer:
        raise _fault("the answer needs principalId and policyDocument")
    context = answer.get("context") or {}
    if not isinstance(context, dict) or any(not isinstance(v, str | int | float | bool) for v in context.values()):
        raise _fault("context may hold strings, numbers and booleans only")
    return answer


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at_fault(authorizer: Mapping[str, Any], reason: str) -> AuthorizerConfigurationError:
    LOG.warning("authorizer %s (%s): %s", authorizer.get("name"), authorizer["id"], reason)
    return AuthorizerConfigurationError()


def _fault(reason: str) -> AuthorizerConfigurationError:
    LOG.warning("Lambda authorizer: %s", reason)
    return AuthorizerConfigurationError()
