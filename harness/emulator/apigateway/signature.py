"""Methods with AWS_IAM: the principal that signed the request; refusals in API Gateway's words."""

from contextvars import ContextVar

from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    BaseGatewayException,
    InvalidSignatureError,
    MissingAuthTokenError,
)

from harness.emulator.access.request_signature import SignatureError, Signer, authenticate

SERVICE = "execute-api"
SIGNER: ContextVar[Signer | None] = ContextVar("harness_api_signer", default=None)
"""Who signed the request that this thread serves."""


class UnrecognizedClientError(InvalidSignatureError):
    code = "UnrecognizedClientException"


class IncompleteSignatureError(InvalidSignatureError):
    code = "IncompleteSignatureException"


_ERRORS: dict[str, type[BaseGatewayException]] = {
    error.code: error
    for error in (MissingAuthTokenError, InvalidSignatureError, UnrecognizedClientError, IncompleteSignatureError)
}


def signer_of(context: RestApiInvocationContext) -> Signer:
    """The caller who signed the request. Raises the refusal that API Gateway gives."""
    try:
        return authenticate(context.request, context.invocation_request["body"] or b"", SERVICE)
    except SignatureError as error:
        raise _ERRORS[error.code](error.message) from error


def identity_of(signer: Signer) -> dict[str, str]:
    """What `requestContext.identity` holds of the caller
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html)."""
    return {
        "accountId": signer.account_id,
        "accessKey": signer.access_key,
        "caller": signer.user_id,
        "user": signer.user_id,
        "userArn": signer.principal.arn,
    }
