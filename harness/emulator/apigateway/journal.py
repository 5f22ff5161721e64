"""Records the decisions of a REST API's authorizers, and functions that refuse API Gateway."""

from collections.abc import Callable, Mapping
from typing import Any

from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import BaseGatewayException

from harness.emulator.access.journal import recorded_elsewhere
from harness.emulator.apigateway import authorization, function_permission
from harness.emulator.journal.recorder import JOURNAL
from harness.journal.records import Kind

Handler = Callable[[Any, RestApiInvocationContext, Response], None]


def install() -> None:
    chain = handlers.preprocess_request.handlers
    chain[chain.index(authorization.authorize)] = _recorded(authorization.authorize)
    function_permission.on_refused(note_refused)
    recorded_elsewhere(function_permission.API_GATEWAY)


def _recorded(authorize: Handler) -> Handler:
    def run(chain: Any, context: RestApiInvocationContext, response: Response) -> None:
        kind = (context.resource_method or {}).get("authorizationType") or "NONE"
        try:
            authorize(chain, context, response)
        except BaseGatewayException as refused:
            # Of a method without authorization the API's resource policy.
            _note(context, "resource policy" if kind == "NONE" else kind, refused)
            raise
        if kind != "NONE":
            _note(context, kind, None)

    return run


def _note(context: RestApiInvocationContext, kind: str, refused: BaseGatewayException | None) -> None:
    method: Mapping[str, Any] = context.resource_method or {}
    authorizer = context.deployment.rest_api.authorizers.get(method.get("authorizerId")) or {}
    request = context.invocation_request
    said: dict[str, Any] = {"passed": True, "principal": _principal(context)}
    if refused is not None:
        said = {"passed": False, "reason": type(refused).__name__, "error": str(refused.message)}
    JOURNAL.note(
        Kind.DECISION,
        service="apigateway",
        name=authorizer.get("name") or kind,
        resource=f"arn:aws:execute-api:{context.region}:{context.account_id}:{context.api_id}/{context.stage}",
        account_id=context.account_id,
        region=context.region,
        data={
            "rule": method.get("authorizerId") or kind,
            "type": kind,
            **said,
            "event": {"method": request["http_method"], "path": request["path"], "resource": context.resource["path"]},
        },
    )


def _principal(context: RestApiInvocationContext) -> str:
    """The principal that the authorizer returned; empty without one."""
    authorizer: Mapping[str, Any] = context.context_variables.get("authorizer") or {}
    claims: Mapping[str, Any] = authorizer.get("claims") or {}
    identity: Mapping[str, Any] = context.context_variables.get("identity") or {}
    return str(authorizer.get("principalId") or claims.get("sub") or identity.get("userArn") or "")


def note_refused(function_arn: str, source_arn: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"""
    JOURNAL.note(
        Kind.DECISION,
        service="lambda",
        name="permission",
        resource=function_arn,
        data={
            "rule": "resource policy",
            "passed": False,
            "reason": "NoPermission",
            "principal": function_permission.API_GATEWAY,
            "source": source_arn,
        },
    )
