"""Decides before the integration who may call a REST API's method: the place in LocalStack's chain."""

from typing import Any

from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import AuthorizerConfigurationError

from harness.emulator.apigateway import cognito_authorizer, lambda_authorizer, signature


def authorize(_chain: Any, context: RestApiInvocationContext, _response: Response) -> None:
    method = context.resource_method or {}
    variables = context.context_variables
    match method.get("authorizationType") or "NONE":
        case "NONE":
            return
        case "AWS_IAM":
            variables["identity"].update(signature.authenticate(context))
        case "COGNITO_USER_POOLS":
            authorizer = _authorizer(context, method)
            source = (authorizer.get("identitySource") or "method.request.header.Authorization").rsplit(".", 1)[-1]
            token = context.invocation_request["headers"].get(source)
            scopes = method.get("authorizationScopes") or []
            variables["authorizer"] = {"claims": cognito_authorizer.claims_of(token, authorizer, scopes)}
        case "CUSTOM":
            variables["authorizer"] = lambda_authorizer.authorize(context, _authorizer(context, method))
        case _:
            raise AuthorizerConfigurationError()


def _authorizer(context: RestApiInvocationContext, method: Any) -> dict[str, Any]:
    authorizer = context.deployment.rest_api.authorizers.get(method.get("authorizerId"))
    if authorizer is None:
        raise AuthorizerConfigurationError()
    return dict(authorizer)


def install() -> None:
    handlers.preprocess_request.append(authorize)
