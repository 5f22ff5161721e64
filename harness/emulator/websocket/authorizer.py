"""REQUEST authorizers of `$connect`: a function decides which clients may connect.

Nothing of what it answers is kept for the next connection: caching is of REST and HTTP APIs
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html).
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.gateway_response import AuthorizerConfigurationError

from harness.emulator.apigateway.lambda_authorizer import as_text, checked
from harness.emulator.apigateway.policy import PolicyDecision, PolicyError, decide
from harness.emulator.websocket.apis import Settings
from harness.emulator.websocket.connections import WebSocketConnection
from harness.emulator.websocket.events import Handshake, authorizer_event
from harness.emulator.websocket.integrations import GatewayError, invoke, within

LOG = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10.0


def authorize(
    connection: WebSocketConnection,
    handshake: Handshake,
    authorizer: Settings,
    stage_variables: Mapping[str, str],
    context: dict[str, Any],
) -> dict[str, Any]:
    """`requestContext.authorizer` of all the connection's events. Raises GatewayError for who is refused."""
    started = time.monotonic()
    for source in authorizer.get("IdentitySource") or ():
        if not _value(source, handshake, stage_variables, context):
            raise unauthorized()
    api = connection.api
    event = authorizer_event(connection, handshake, stage_variables, context)
    source_arn = api.arn(f"authorizers/{authorizer['AuthorizerId']}")
    uri, credentials = authorizer["AuthorizerUri"], authorizer.get("AuthorizerCredentialsArn")
    try:
        answer, failed = within(
            TIMEOUT_SECONDS, lambda: invoke(api, uri, stage_variables, source_arn, credentials, event)
        )
        if failed:
            if isinstance(answer, dict) and answer.get("errorMessage") == "Unauthorized":
                raise unauthorized()
            raise _at_fault(authorizer, f"the function failed: {answer}")
        decision = decide(checked(answer)["policyDocument"], event["methodArn"])
    except (AuthorizerConfigurationError, PolicyError) as error:
        raise _at_fault(authorizer, str(error)) from error
    if decision is not PolicyDecision.ALLOW:
        suffix = " with an explicit deny" if decision is PolicyDecision.EXPLICIT_DENY else ""
        message = f"User is not authorized to access this resource{suffix}"
        raise GatewayError(403, message, "AccessDeniedException")
    return {
        "principalId": answer["principalId"],
        **{name: as_text(value) for name, value in (answer.get("context") or {}).items()},
        "integrationLatency": int((time.monotonic() - started) * 1000),
    }


def unauthorized() -> GatewayError:
    return GatewayError(401, "Unauthorized", "UnauthorizedException")


def _value(
    source: str, handshake: Handshake, stage_variables: Mapping[str, str], context: Mapping[str, Any]
) -> str | None:
    kind, _, name = source.rpartition(".")
    match kind:
        case "route.request.header":
            return handshake.header(name)
        case "route.request.querystring":
            return handshake.parameter(name)
        case "stageVariables":
            return stage_variables.get(name)
    found: Any = context
    for step in source.split(".")[1:]:
        found = found.get(step) if isinstance(found, Mapping) else None
    return None if found is None else str(found)


def _at_fault(authorizer: Settings, reason: str) -> GatewayError:
    LOG.warning("authorizer %s (%s): %s", authorizer.get("Name"), authorizer["AuthorizerId"], reason)
    return GatewayError(500, "Internal server error", "AuthorizerConfigurationException")
