"""Lambda proxy integrations where LocalStack 4.14.0 differs from AWS.

It asks no function's resource policy, answers 500 to some answers that are no proxy response, takes a body for binary by
its bytes and not by its type, and ignores the binary media type `*/*`.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import json
import logging
from typing import Any

from botocore.exceptions import ClientError
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import InternalServerError
from localstack.services.apigateway.next_gen.execute_api.integrations import aws

from harness.emulator.access.enforcement import principal_may
from harness.emulator.apigateway.function_permission import may_invoke
from harness.emulator.apigateway.signature import SIGNER
from harness.emulator.patches import patched, replaced

LOG = logging.getLogger(__name__)
DEFAULT_MEDIA_TYPE = "application/json"
CALLER = "arn:aws:iam::*:user/*"
"""The `credentials` of an integration that calls its function as the caller of the API, whose policies must allow it
(https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html#apigw-Type-Integration-credentials)."""


def is_binary(mime_type: str | None, binary_media_types: list[str]) -> bool:
    """Whether a `Content-Type` or the first type of an `Accept` is one of the API's binary media types.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
    """
    kind, _, subtype = _bare(mime_type or DEFAULT_MEDIA_TYPE).partition("/")
    binary = {_bare(declared) for declared in binary_media_types}
    return bool(binary & {"*/*", f"{kind}/*", f"{kind}/{subtype}"})


def _bare(media_type: str) -> str:
    return media_type.split(",")[0].split(";")[0].strip().lower()


def is_proxy_response(answer: Any) -> bool:
    """The form of a field that LocalStack does not look at, or fails on; it checks the others."""
    if not isinstance(answer, dict) or not isinstance(answer.get("body"), str | None):
        return False
    return isinstance(answer.get("statusCode"), int | str | None)


def complete_event(event: dict[str, Any], body: bytes, content_type: str | None, binary: list[str]) -> None:
    """The body by its type, and in `headers` the last of several values, as AWS sends them."""
    event["headers"] = {name: values[-1] for name, values in event["multiValueHeaders"].items()}
    if body:
        event["isBase64Encoded"] = is_binary(content_type, binary)
        # What is no binary media type is text in UTF-8, whatever its bytes.
        text = base64.b64encode(body).decode() if event["isBase64Encoded"] else body.decode(errors="replace")
        event["body"] = text


def install() -> None:
    proxy = aws.RestApiAwsProxyIntegration
    replaced(
        aws,
        "mime_type_matches_binary_media_types",
        is_binary,
        because="LocalStack ignores the binary media type */*",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html",
    )

    patched(
        proxy.create_lambda_input_event,
        because="LocalStack takes a body for binary by its bytes and not by its type",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html",
    )(_create_event)

    patched(
        proxy.parse_lambda_response,
        because="some answers of functions that AWS takes get 500, or the other way round",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html",
    )(_parse)

    def call_lambda(function_arn: str, event: bytes, source_arn: str, credentials: str | None = None) -> Any:
        signer = SIGNER.get()
        if credentials == CALLER and signer is not None:
            if not principal_may(signer.principal, "lambda:InvokeFunction", function_arn):
                reason = f"{signer.principal.arn} is not authorized to perform lambda:InvokeFunction on {function_arn}"
                raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": reason}}, "Invoke")
            return original_call(function_arn, event, source_arn, None)
        if not credentials and not may_invoke(function_arn, source_arn):
            reason = (
                f"Execution failed due to configuration error: Invalid permissions on Lambda function: {function_arn} "
                f"gives apigateway.amazonaws.com no permission for {source_arn}; add an AWS::Lambda::Permission"
            )
            # LocalStack logs it and answers 500, as it would if Lambda had refused the call.
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": reason}}, "Invoke")
        return original_call(function_arn, event, source_arn, credentials)

    original_call = proxy.call_lambda
    # Not with `patch`, which turns a static method into one that gets `self`.
    replaced(
        proxy,
        "call_lambda",
        staticmethod(call_lambda),
        because="LocalStack asks no resource policy of the function",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html",
    )


def _create_event(original: Any, self: Any, context: RestApiInvocationContext) -> Any:
    event = original(self, context)
    binary = context.deployment.rest_api.rest_api.get("binaryMediaTypes") or []
    content_type = context.invocation_request["headers"].get("Content-Type")
    complete_event(event, context.integration_request["body"], content_type, binary)
    return event


def _parse(original: Any, self: Any, payload: bytes) -> Any:
    try:
        answer = json.loads(payload)
    except ValueError:
        answer = None
    if not is_proxy_response(answer):
        LOG.warning("Execution failed due to configuration error: Malformed Lambda proxy response: %r", payload)
        raise InternalServerError("Internal server error", status_code=502)
    if answer.get("statusCode") is None:
        answer.pop("statusCode", None)
    return original(self, json.dumps(answer))
