"""The resource types of WebSocket APIs.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html

A property that a template no longer has returns to its default: an update sends the default, since the API's updates change
only the members that they have.
"""

from collections.abc import Callable
from typing import Any

from harness.emulator.cloudformation.parameters import PropertyError
from harness.emulator.cloudformation.provider import plugin_of
from harness.emulator.cloudformation.resource_type import Model, ResourceOperation, ResourceType

_API = {"ApiId": "ApiId"}
_GONE = ("NotFoundException",)


def _reset_to(**defaults: Any) -> Callable[[Model], Model]:
    def reshape(model: Model) -> Model:
        return {**defaults, **model}

    return reshape


def _api(model: Model) -> Model:
    for name in ("Body", "BodyS3Location", "BasePath"):
        if name in model:
            raise PropertyError(
                f"{name}: the emulator imports no OpenAPI; declare the routes as AWS::ApiGatewayV2::Route"
            )
    return {"Description": "", "Version": "", **model}


def _stage(model: Model) -> Model:
    if "AccessPolicyId" in model:
        raise PropertyError("AccessPolicyId: this property is not used, says AWS; leave it out")
    without = {
        "Description": "",
        "AutoDeploy": False,
        "StageVariables": {},
        "DefaultRouteSettings": {},
        "RouteSettings": {},
    }
    return {**without, **model}


def _logs_no_longer(client: Any, before: Model | None, after: Model) -> None:
    if (before or {}).get("AccessLogSettings") and not after.get("AccessLogSettings"):
        client.delete_access_log_settings(ApiId=after["ApiId"], StageName=after["StageName"])


def _below_api(kind: str, **more: Any) -> ResourceType:
    identifier = f"{kind}Id"
    identifiers = {**_API, identifier: identifier}
    return ResourceType(
        **{
            "name": f"AWS::ApiGatewayV2::{kind}",
            "service": "apigatewayv2",
            "create": ResourceOperation(f"Create{kind}"),
            "update": ResourceOperation(f"Update{kind}", identifiers),
            "delete": ResourceOperation(f"Delete{kind}", identifiers),
            "ref": identifier,
            "attributes": {identifier: identifier},
            "replaced_by": frozenset({"ApiId"}),
            "gone": _GONE,
            **more,
        }
    )


API = ResourceType(
    name="AWS::ApiGatewayV2::Api",
    service="apigatewayv2",
    create=ResourceOperation("CreateApi"),
    update=ResourceOperation("UpdateApi", _API),
    delete=ResourceOperation("DeleteApi", _API),
    ref="ApiId",
    attributes={"ApiId": "ApiId", "ApiEndpoint": "ApiEndpoint"},
    replaced_by=frozenset({"ProtocolType"}),
    # Of imports, of which there are none.
    extra=frozenset({"FailOnWarnings"}),
    reshape=_api,
    gone=_GONE,
)
AUTHORIZER = _below_api("Authorizer", reshape=_reset_to(IdentitySource=[]))
DEPLOYMENT = _below_api("Deployment", replaced_by=frozenset({"ApiId", "StageName"}), reshape=_reset_to(Description=""))
INTEGRATION = _below_api("Integration", reshape=_reset_to(RequestTemplates={}, TimeoutInMillis=29_000))
MODEL = _below_api("Model")
ROUTE = _below_api(
    "Route", reshape=_reset_to(AuthorizationType="NONE", AuthorizerId="", RouteResponseSelectionExpression="")
)
STAGE = ResourceType(
    name="AWS::ApiGatewayV2::Stage",
    service="apigatewayv2",
    create=ResourceOperation("CreateStage"),
    update=ResourceOperation("UpdateStage", {**_API, "StageName": "StageName"}),
    delete=ResourceOperation("DeleteStage", {**_API, "StageName": "StageName"}),
    ref="StageName",
    replaced_by=frozenset({"ApiId", "StageName"}),
    reshape=_stage,
    finish=_logs_no_longer,
    gone=_GONE,
)


def _response(kind: str, parent: str) -> ResourceType:
    identifier, parent_id = f"{kind}Id", f"{parent}Id"
    identifiers = {**_API, parent_id: parent_id, identifier: identifier}
    return _below_api(
        kind,
        update=ResourceOperation(f"Update{kind}", identifiers),
        delete=ResourceOperation(f"Delete{kind}", identifiers),
        replaced_by=frozenset({"ApiId", parent_id}),
    )


INTEGRATION_RESPONSE = _response("IntegrationResponse", "Integration")
ROUTE_RESPONSE = _response("RouteResponse", "Route")

api = plugin_of(API)
authorizer = plugin_of(AUTHORIZER)
deployment = plugin_of(DEPLOYMENT)
integration = plugin_of(INTEGRATION)
integration_response = plugin_of(INTEGRATION_RESPONSE)
model = plugin_of(MODEL)
route = plugin_of(ROUTE)
route_response = plugin_of(ROUTE_RESPONSE)
stage = plugin_of(STAGE)
