"""Authorizes a request at a REST API's method before the integration runs: the handler in LocalStack's chain.

What the method asks for (its authorization) and what the API's resource policy says are joined as AWS joins them, which
differs by the kind of authorization
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html).
"""

from typing import Any

from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import AuthorizerConfigurationError

from harness.emulator.access import principals
from harness.emulator.access.enforcement import ACCESS, Mode
from harness.emulator.access.policy import Policy
from harness.emulator.apigateway import cognito_authorizer, lambda_authorizer, resource_policy, signature
from harness.emulator.patches import inserted


def authorize(_chain: Any, context: RestApiInvocationContext, _response: Response) -> None:
    method = context.resource_method or {}
    variables = context.context_variables
    policy = resource_policy.policy_of(context)
    signature.SIGNER.set(None)
    match method.get("authorizationType") or "NONE":
        case "NONE":
            resource_policy.check_anonymous(context, policy)
        case "AWS_IAM":
            signer = signature.signer_of(context)
            resource_policy.check(context, signer.principal, policy)
            signature.SIGNER.set(signer)
            variables["identity"].update(signature.identity_of(signer))
        case "COGNITO_USER_POOLS":
            authorizer = _authorizer(context, method)
            source = (authorizer.get("identitySource") or "method.request.header.Authorization").rsplit(".", 1)[-1]
            token = context.invocation_request["headers"].get(source)
            scopes = method.get("authorizationScopes") or []
            variables["authorizer"] = {"claims": cognito_authorizer.claims_of(token, authorizer, scopes)}
            # A token is no allowance: where there is a policy, it has to allow, too.
            resource_policy.check_anonymous(context, policy)
        case "CUSTOM":
            allowed = _allowed_before_the_authorizer(context, policy)
            variables["authorizer"] = lambda_authorizer.authorize(
                context, _authorizer(context, method), allowed_by_policy=allowed
            )
        case _:
            raise AuthorizerConfigurationError()


def _allowed_before_the_authorizer(context: RestApiInvocationContext, policy: Policy | None) -> bool:
    """Whether the resource policy alone allows the call. A call that it denies does not reach the authorizer."""
    if policy is None or ACCESS.mode is Mode.OFF:
        return False
    decision = resource_policy.decide(context, principals.anonymous(), policy)
    if decision.explicit and not decision.allowed:
        ACCESS.decided(decision)
        if ACCESS.mode is Mode.ENFORCE:
            raise resource_policy.denied(decision)
    return decision.allowed


def _authorizer(context: RestApiInvocationContext, method: Any) -> dict[str, Any]:
    authorizer = context.deployment.rest_api.authorizers.get(method.get("authorizerId"))
    if authorizer is None:
        raise AuthorizerConfigurationError()
    return dict(authorizer)


def install() -> None:
    resource_policy.install()
    inserted(
        handlers,
        "preprocess_request",
        authorize,
        because="LocalStack runs no authorizer of a REST API and asks no resource policy",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html",
    )
