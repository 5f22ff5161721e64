"""What can be declared of a WebSocket API here. What AWS refuses is refused in its way; what AWS serves and the emulator
does not is refused too, with what to do instead, so that nothing is kept and then passed over.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/resources.html
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from localstack.aws.connect import connect_to

from harness.emulator.websocket.apis import Api, Settings
from harness.emulator.websocket.errors import bad_request, not_served
from harness.emulator.websocket.route_selection import is_served

FUNCTION = re.compile(r"/functions/(?P<arn>arn:[^/]+:function:[^/]+)/invocations$")
"""The function in an integration's or an authorizer's URI. An alias or version may follow its name."""
IDENTITY_SOURCE = re.compile(r"(route\.request\.(header|querystring)|stageVariables|context)\.[\w.\-]+")
MAX_TIMEOUT_MILLISECONDS = 29_000
_MADE_UP_ROLE = ":role/api-gw-cw-role"
"""LocalStack 4.14.0 gives an account this one until another one is set; AWS has none."""
_OFF: tuple[Any, ...] = (None, False, "", {}, [])

_UNSERVED: Mapping[str, Mapping[str, str]] = {
    "Api": {
        "CorsConfiguration": "it is of HTTP APIs alone; leave it out",
        "CredentialsArn": "quick create is of HTTP APIs alone; leave it out",
        "RouteKey": "quick create is of HTTP APIs alone; declare a route",
        "Target": "quick create is of HTTP APIs alone; declare an integration",
    },
    "Route": {
        "ApiKeyRequired": "use an authorizer on $connect",
        "AuthorizationScopes": "they are of JWT authorizers; leave them out",
        "RequestParameters": "look at the request in the function of $connect",
    },
    "Integration": {
        "ConnectionId": "there are no VPC links here; use a Lambda function",
        "IntegrationSubtype": "it is of HTTP APIs alone; leave it out",
        "RequestParameters": "the function finds all of the request in its event",
        "ResponseParameters": "it is of HTTP APIs alone; leave it out",
        "TlsConfig": "it is of private integrations; use a Lambda function",
    },
    "RouteResponse": {"ResponseParameters": "leave it out"},
    "IntegrationResponse": {
        "ResponseParameters": "leave it out",
        "ContentHandlingStrategy": "leave it out",
    },
    "Authorizer": {
        "EnableSimpleResponses": "it is of HTTP APIs alone; return a policy",
        "JwtConfiguration": "it is of HTTP APIs alone; use a REQUEST authorizer",
    },
    "Stage": {"ClientCertificateId": "leave it out"},
}


def check(kind: str, settings: Settings, api: Api | None) -> None:
    """Raise for what cannot be declared, or not here; `api` is what it belongs to."""
    for member, instead in _UNSERVED.get(kind, {}).items():
        if settings.get(member) not in _OFF:
            raise not_served(f"{member} of a WebSocket API's {kind}", instead)
    if (further := _FURTHER.get(kind)) is not None:
        further(settings, api)


def _api(settings: Settings, _api: Api | None) -> None:
    if settings.get("ProtocolType") != "WEBSOCKET":
        raise not_served(
            f"APIs of protocol {settings.get('ProtocolType')}", "use a REST API (apigateway) for requests over HTTP"
        )
    expression = settings.get("RouteSelectionExpression")
    if not expression:
        raise bad_request("RouteSelectionExpression is required for WEBSOCKET protocol")
    if not is_served(expression):
        raise not_served(
            f"the RouteSelectionExpression {expression}", "select by parts of the message: $request.body.action"
        )
    if settings.get("ApiKeySelectionExpression") not in (None, "$request.header.x-api-key"):
        raise not_served("API keys of WebSocket APIs", "leave ApiKeySelectionExpression out")


def _route(settings: Settings, api: Api | None) -> None:
    assert api is not None
    key = settings.get("RouteKey")
    if not key:
        raise bad_request("Route key is required")
    match settings.get("AuthorizationType") or "NONE":
        case "NONE":
            pass
        case "CUSTOM" if key != "$connect":
            raise bad_request("Currently, authorization is restricted to the $connect route only")
        case "CUSTOM":
            if settings.get("AuthorizerId") not in api.parts["Authorizer"]:
                raise bad_request(f"Invalid authorizer ID specified: {settings.get('AuthorizerId')}")
        case "AWS_IAM":
            raise not_served("AuthorizationType AWS_IAM of WebSocket APIs", "use CUSTOM with a REQUEST authorizer")
        case other:
            raise bad_request(f"Authorization type {other} is not supported for WEBSOCKET protocol Api")
    if settings.get("RouteResponseSelectionExpression") not in (None, "", "$default"):
        raise bad_request("Invalid route response selection expression specified; only $default is supported")
    expression = settings.get("ModelSelectionExpression")
    if expression and expression != "$default" and not is_served(expression):
        raise not_served(f"the ModelSelectionExpression {expression}", "use $default or parts of the message")
    target = settings.get("Target")
    if target and target.removeprefix("integrations/") not in api.parts["Integration"]:
        raise bad_request(f"Invalid target specified: {target} is no integration of this API")


def _integration(settings: Settings, _api: Api | None) -> None:
    kind = settings.get("IntegrationType")
    if kind not in ("AWS_PROXY", "MOCK"):
        raise not_served(
            f"integrations of type {kind} of WebSocket APIs", "use AWS_PROXY with a Lambda function, or MOCK"
        )
    if kind == "AWS_PROXY" and not FUNCTION.search(settings.get("IntegrationUri") or ""):
        raise not_served(
            f"an AWS_PROXY integration with {settings.get('IntegrationUri')}",
            "its URI is arn:aws:apigateway:<region>:lambda:path/2015-03-31/functions/<function's ARN>/invocations",
        )
    if settings.get("ConnectionType") not in (None, "INTERNET"):
        raise not_served("private integrations", "use ConnectionType INTERNET")
    if kind == "AWS_PROXY":
        if settings.get("RequestTemplates"):
            raise not_served("RequestTemplates of an AWS_PROXY integration", "the function gets the event as it is")
        if settings.get("IntegrationMethod") not in (None, "POST"):
            raise bad_request("HttpMethod must be POST for a Lambda function")
    else:
        _mock(settings)
    if settings.get("PayloadFormatVersion") not in (None, "1.0"):
        raise bad_request("PayloadFormatVersion for WebSocket APIs must be 1.0")
    if settings.get("ContentHandlingStrategy") not in (None, "CONVERT_TO_TEXT"):
        raise not_served("ContentHandlingStrategy CONVERT_TO_BINARY", "decode the body in the function")
    timeout = settings.get("TimeoutInMillis")
    if timeout is not None and not 50 <= timeout <= MAX_TIMEOUT_MILLISECONDS:
        raise bad_request(f"Timeout should be between 50 ms and {MAX_TIMEOUT_MILLISECONDS} ms")


def _mock(settings: Settings) -> None:
    _one_template(settings)
    for template in (settings.get("RequestTemplates") or {}).values():
        try:
            int(json.loads(template)["statusCode"])
        except (LookupError, TypeError, ValueError):
            raise not_served(f"the request template {template!r}", 'use {"statusCode": <number>}') from None
    if settings.get("PassthroughBehavior") not in (None, "WHEN_NO_MATCH"):
        raise not_served("PassthroughBehavior of a MOCK integration", "leave it out")


def _one_template(settings: Settings) -> None:
    if settings.get("TemplateSelectionExpression") not in (None, "", "$default", "\\$default"):
        raise not_served("a TemplateSelectionExpression", "use one template, $default")


def _integration_response(settings: Settings, _api: Api | None) -> None:
    _one_template(settings)
    key = settings.get("IntegrationResponseKey") or ""
    if key != "$default" and not re.fullmatch(r"/\d{3}/", key):
        raise not_served(f"the IntegrationResponseKey {key}", "use $default, or a status: /200/")
    for template in (settings.get("ResponseTemplates") or {}).values():
        if re.search(r"#(set|if|foreach|else|end)|\$(?!context\.)[a-z!{]", template):
            raise not_served(f"the response template {template!r}", "use text and $context.<name>")


def _model(settings: Settings, _api: Api | None) -> None:
    schema = settings.get("Schema") or "{}"
    try:
        references = re.findall(r'"\$ref"\s*:\s*"([^"]*)"', json.dumps(json.loads(schema)))
    except ValueError:
        raise bad_request("Invalid model schema specified: it is no JSON") from None
    if any(not reference.startswith("#") for reference in references):
        raise not_served("references of one model to another", "write the schema into one model")


def _authorizer(settings: Settings, _api: Api | None) -> None:
    if settings.get("AuthorizerType") != "REQUEST":
        raise bad_request("Only REQUEST authorizers are supported for WEBSOCKET protocol Api")
    if not FUNCTION.search(settings.get("AuthorizerUri") or ""):
        raise bad_request("Invalid Authorizer URI: it must name a Lambda function")
    for source in settings.get("IdentitySource") or ():
        if not IDENTITY_SOURCE.fullmatch(source):
            raise bad_request(
                f"Invalid identity source {source}: use route.request.header.<name>, route.request.querystring.<name>, "
                "stageVariables.<name> or context.<name>"
            )
    if settings.get("AuthorizerPayloadFormatVersion") not in (None, "1.0"):
        raise not_served("AuthorizerPayloadFormatVersion 2.0", "it is of HTTP APIs alone; leave it out")


def _stage(settings: Settings, api: Api | None) -> None:
    assert api is not None
    routes = settings.get("RouteSettings") or {}
    if unknown := sorted(set(routes) - {route["RouteKey"] for route in api.parts["Route"].values()}):
        raise bad_request(f"Unable to find Route by key {', '.join(unknown)} within the provided RouteSettings")
    logged = False
    for each in (settings.get("DefaultRouteSettings") or {}, *routes.values()):
        if each.get("DetailedMetricsEnabled"):
            raise not_served("DetailedMetricsEnabled of a WebSocket API's stage", "leave it out")
        logged = logged or (each.get("LoggingLevel") or "OFF") != "OFF"
    if access := settings.get("AccessLogSettings"):
        logged = True
        if ":log-group:" not in (access.get("DestinationArn") or ""):
            raise not_served(f"access logs to {access.get('DestinationArn')}", "use the ARN of a log group")
        if not re.search(r"\$context\.(requestId|extendedRequestId)\b", access.get("Format") or ""):
            raise bad_request("Access log format must contain $context.requestId or $context.extendedRequestId")
    if logged and not logs_role(api):
        raise bad_request("CloudWatch Logs role ARN must be set in account settings to enable logging")


def logs_role(api: Api) -> str | None:
    """The role by which API Gateway writes logs, of the account in a region
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html)."""
    client = connect_to(aws_access_key_id=api.account_id, region_name=api.region).apigateway
    role: str | None = client.get_account().get("cloudwatchRoleArn")
    return None if role and role.endswith(_MADE_UP_ROLE) else role


def _route_response(settings: Settings, _api: Api | None) -> None:
    if settings.get("RouteResponseKey") != "$default":
        raise bad_request("Invalid route response key specified; only $default is supported")


_FURTHER: Mapping[str, Callable[[Settings, Api | None], None]] = {
    "Api": _api,
    "Authorizer": _authorizer,
    "Integration": _integration,
    "IntegrationResponse": _integration_response,
    "Model": _model,
    "Route": _route,
    "RouteResponse": _route_response,
    "Stage": _stage,
}
