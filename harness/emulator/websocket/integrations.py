"""What a route does: a Lambda function is invoked, or a mock answers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integrations.html
"""

import contextvars
import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from harness.emulator.apigateway.function_permission import may_invoke
from harness.emulator.apigateway.gateway_responses import render
from harness.emulator.websocket.apis import Api, Settings, Snapshot
from harness.emulator.websocket.declared import FUNCTION

LOG = logging.getLogger(__name__)
T = TypeVar("T")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")


class GatewayError(Exception):
    """An error response of API Gateway itself; `status` is that of a handshake, `name` the kind of error."""

    def __init__(self, status: int, message: str, name: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.name = name


def forbidden() -> GatewayError:
    return GatewayError(403, "Forbidden", "ForbiddenException")


def internal_error(status: int = 500) -> GatewayError:
    return GatewayError(status, "Internal server error", "InternalServerErrorException")


@dataclass(frozen=True)
class IntegrationResponse:
    """What an integration answered, as a proxy response has it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: v for name, v in vars(self).items() if v} | {"status": self.status}


def call(
    api: Api,
    stage: str,
    snapshot: Snapshot,
    route: Settings,
    event: Mapping[str, Any],
) -> IntegrationResponse:
    """Serve an event by the route's integration. Raises GatewayError."""
    integration = snapshot.integration_of(route)
    if integration is None:
        LOG.warning("%s: the route %s has no integration", api.arn(stage), route["RouteKey"])
        raise internal_error()
    if integration["IntegrationType"] == "MOCK":
        return _mock(snapshot, integration, event["requestContext"])
    seconds = (integration.get("TimeoutInMillis") or 29_000) / 1000
    source = api.arn(f"{stage}/{route['RouteKey']}")
    variables = event.get("stageVariables") or {}
    uri, credentials = integration["IntegrationUri"], integration.get("CredentialsArn")
    return _proxy_response(within(seconds, lambda: invoke(api, uri, variables, source, credentials, event)), source)


def within(seconds: float, serve: Callable[[], T]) -> T:
    """What `serve` returns. A late function continues, as on AWS, so its thread outlives the call; raises GatewayError then."""
    ended: Future[T] = Future()

    def run() -> None:
        try:
            ended.set_result(serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            ended.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
    try:
        return ended.result(seconds)
    except NotYet as late:
        if ended.done():
            raise
        raise GatewayError(504, "Endpoint request timed out", "IntegrationTimeoutException") from late


def invoke(
    api: Api,
    uri: str,
    stage_variables: Mapping[str, str],
    source_arn: str,
    credentials: str | None,
    event: Mapping[str, Any],
) -> tuple[Any, bool]:
    """The function's result, and whether it is an error of it. Raises GatewayError where it cannot be invoked."""
    resolved = _STAGE_VARIABLE.sub(lambda found: stage_variables.get(found[1], ""), uri)
    function = FUNCTION.search(resolved)
    if function is None:
        LOG.warning("%s: %s names no Lambda function", source_arn, resolved)
        raise internal_error()
    arn = function["arn"]
    if credentials:
        clients = connect_to.with_assumed_role(
            role_arn=credentials, service_principal="apigateway", region_name=api.region
        )
    elif may_invoke(arn, source_arn):
        clients = connect_to(aws_access_key_id=api.account_id, region_name=api.region)
    else:
        LOG.warning(
            "Execution failed due to configuration error: Invalid permissions on Lambda function: %s gives "
            "apigateway.amazonaws.com no permission for %s; add an AWS::Lambda::Permission",
            arn,
            source_arn,
        )
        raise internal_error()
    try:
        answer = clients.lambda_.invoke(FunctionName=arn, Payload=json.dumps(event))
    except ClientError as error:
        LOG.warning("%s: %s cannot be invoked: %s", source_arn, arn, error)
        raise internal_error() from error
    return json.loads(answer["Payload"].read() or b"null"), bool(answer.get("FunctionError"))


def _proxy_response(result: tuple[Any, bool], source: str) -> IntegrationResponse:
    answer, failed = result
    if failed:
        raise internal_error(502)
    try:
        if not isinstance(answer, dict) or not isinstance(answer.get("body"), str | None):
            raise TypeError
        return IntegrationResponse(int(answer["statusCode"]), answer.get("headers") or {}, answer.get("body"))
    except (LookupError, TypeError, ValueError):
        LOG.warning("%s: Execution failed due to configuration error: Malformed Lambda proxy response", source)
        raise internal_error(502) from None


def _mock(snapshot: Snapshot, integration: Settings, context: Mapping[str, Any]) -> IntegrationResponse:
    """A mock answers with the status that its request template says, and the template of the response for it."""
    requests = integration.get("RequestTemplates") or {}
    status = int(json.loads(_template(requests) or '{"statusCode": 200}')["statusCode"])
    responses = {
        response["IntegrationResponseKey"]: response
        for response in snapshot.responses_of("IntegrationResponse", integration["IntegrationId"])
    }
    chosen = responses.get(f"/{status}/") or responses.get("$default") or {}
    body = _template(chosen.get("ResponseTemplates") or {})
    return IntegrationResponse(status, body=None if body is None else render(body, {"context": context}))


def _template(templates: Mapping[str, str]) -> str | None:
    return templates.get("$default") or next(iter(templates.values()), None)
