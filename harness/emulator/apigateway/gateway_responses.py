"""Customised gateway responses: their status, headers and body.

LocalStack 4.14.0 takes only the status of one, and none at all from an API's OpenAPI definition, where SAM puts them.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from localstack.aws.api.apigateway import GatewayResponse
from localstack.http import Response
from localstack.services.apigateway.legacy import provider as legacy_provider
from localstack.services.apigateway.models import apigateway_stores
from localstack.services.apigateway.next_gen.execute_api.gateway_response import get_gateway_response_or_default
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import GatewayExceptionHandler

from harness.emulator.patches import patched

JSON = "application/json"
DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'
_VARIABLE = re.compile(r"\$(context(?:\.\w+)+|stageVariables\.\w+)")
_HEADER = "gatewayresponse.header."
EXTENSION = "x-amazon-apigateway-gateway-responses"
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.html"""


def render(template: str, variables: Mapping[str, Any]) -> str:
    """Replace `$context.…` and `$stageVariables.…`; a gateway response has no other template language.

    `messageString` is the message with its quotes, as JSON writes it; one that is not there is empty.
    """

    def value(match: re.Match[str]) -> str:
        found: Any = variables
        for part in match[1].split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if match[1] == "context.error.messageString":
            return json.dumps(found)
        return "" if found is None else str(found)

    return _VARIABLE.sub(value, template)


def headers_of(parameters: Mapping[str, str], request: Any, variables: Mapping[str, Any]) -> dict[str, str]:
    """`gatewayresponse.header.*`: a literal in quotes, a part of the request, or a variable."""
    headers = {}
    for name, source in parameters.items():
        if not name.startswith(_HEADER):
            continue
        if source.startswith("'") and source.endswith("'"):
            value: Any = source[1:-1]
        elif source.startswith("method.request.header."):
            value = request["headers"].get(source.removeprefix("method.request.header."))
        elif source.startswith("method.request.querystring."):
            value = request["query_string_parameters"].get(source.removeprefix("method.request.querystring."))
        else:
            value = render(f"${source}", variables)
        if value:
            headers[name.removeprefix(_HEADER)] = str(value)
    return headers


def declared(definition: Mapping[str, Any]) -> dict[str, GatewayResponse]:
    """The gateway responses of an OpenAPI definition, by their type."""
    return {
        kind: GatewayResponse(
            responseType=kind,
            statusCode=str(one["statusCode"]) if one.get("statusCode") is not None else None,
            responseParameters=dict(one.get("responseParameters") or {}),
            responseTemplates=dict(one.get("responseTemplates") or {JSON: DEFAULT_TEMPLATE}),
            defaultResponse=False,
        )
        for kind, one in (definition.get(EXTENSION) or {}).items()
    }


def install() -> None:
    @patched(
        legacy_provider,
        "import_api_from_openapi_spec",
        because="LocalStack leaves gateway responses out of an OpenAPI import",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.html",
    )
    def import_with_gateway_responses(original: Any, rest_api: Any, context: Any, open_api_spec: Any, mode: Any) -> Any:
        result = original(rest_api, context=context, open_api_spec=open_api_spec, mode=mode)
        container = apigateway_stores[context.account_id][context.region].rest_apis[rest_api.id]
        if mode == "overwrite":
            container.gateway_responses.clear()
        container.gateway_responses.update(declared(open_api_spec))
        return result

    @patched(
        GatewayExceptionHandler.create_exception_response,
        because="LocalStack takes only the status of a gateway response",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html",
    )
    def create(original: Any, self: Any, exception: Any, context: Any) -> Response:
        response: Response = original(self, exception, context)
        configured = get_gateway_response_or_default(exception.type, context.deployment.rest_api.gateway_responses)
        variables = {"context": context.context_variables, "stageVariables": context.stage_variables or {}}
        templates = configured.get("responseTemplates") or {}
        kind = JSON if JSON in templates else next(iter(templates), JSON)
        if templates.get(kind, DEFAULT_TEMPLATE) != DEFAULT_TEMPLATE:
            response.set_data(render(templates[kind], variables))
            response.headers["Content-Type"] = kind
        parameters = configured.get("responseParameters") or {}
        response.headers.update(headers_of(parameters, context.invocation_request, variables))
        return response
