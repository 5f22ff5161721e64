"""The control plane: operations of `apigatewayv2` on WebSocket APIs.

They follow one pattern, so most of them are made of a row of `KINDS`
(https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/operations.html).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localstack.aws.api import RequestContext

from harness.emulator.websocket.apis import STORES, Api, Settings, new_id
from harness.emulator.websocket.declared import MAX_TIMEOUT_MILLISECONDS, check
from harness.emulator.websocket.errors import bad_request, conflict, no_api, not_found

Request = dict[str, Any]
Handler = Callable[[RequestContext, Request], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class ChildKind:
    """A kind of resource below an API. `parent` is the kind that it belongs to, where that is not the API itself;
    `unique` a member whose value no two of them share."""

    name: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    unique: str | None = None
    id_length: int = 7

    @property
    def id_member(self) -> str:
        return "StageName" if self.name == "Stage" else f"{self.name}Id"


KINDS = (
    ChildKind("Authorizer", id_length=6),
    ChildKind("Integration", {"ConnectionType": "INTERNET", "TimeoutInMillis": MAX_TIMEOUT_MILLISECONDS}),
    ChildKind("IntegrationResponse", parent="Integration", unique="IntegrationResponseKey"),
    ChildKind("Model", id_length=6, unique="Name"),
    ChildKind("Route", {"ApiKeyRequired": False, "AuthorizationType": "NONE"}, unique="RouteKey"),
    ChildKind("RouteResponse", parent="Route", unique="RouteResponseKey"),
    ChildKind(
        "Stage",
        {"DefaultRouteSettings": {}, "RouteSettings": {}, "StageVariables": {}},
    ),
)


def _store(context: RequestContext) -> dict[str, Api]:
    apis: dict[str, Api] = STORES[context.account_id][context.region].apis
    return apis


def _api(context: RequestContext, request: Request) -> Api:
    api = _store(context).get(request["ApiId"])
    if api is None:
        raise no_api(request["ApiId"])
    return api


def _found(api: Api, kind: ChildKind | str, identifier: str) -> Settings:
    name = kind if isinstance(kind, str) else kind.name
    if identifier not in api.parts[name]:
        raise not_found(name, identifier)
    return api.parts[name][identifier]


def _page(items: list[Settings], request: Request) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html: `maxResults` and `nextToken` are text."""
    start, size = (_number(request, name, default) for name, default in (("NextToken", 0), ("MaxResults", 100)))
    end = start + size
    page: dict[str, Any] = {"Items": items[start:end]}
    return page | ({"NextToken": str(end)} if end < len(items) else {})


def _number(request: Request, name: str, default: int) -> int:
    value = request.get(name)
    if not value:
        return default
    if not (isinstance(value, str) and value.isascii() and value.isdigit()):
        raise bad_request(f"Invalid value for {name[0].lower()}{name[1:]}: {value}")
    return int(value[:9])


# ---- the API itself ------------------------------------------------------------------------------------------------


def create_api(context: RequestContext, request: Request) -> Settings:
    settings = dict(request)
    check("Api", settings, None)
    settings["ApiId"] = new_id(10)
    api = Api(context.account_id, context.region, settings)
    settings |= {
        "ApiEndpoint": f"wss://{api.domain_name}",
        "ApiKeySelectionExpression": "$request.header.x-api-key",
        "CreatedDate": datetime.now(UTC),
        "DisableExecuteApiEndpoint": request.get("DisableExecuteApiEndpoint") or False,
        "IpAddressType": request.get("IpAddressType") or "ipv4",
    }
    _store(context)[api.api_id] = api
    return settings


def get_api(context: RequestContext, request: Request) -> Settings:
    return _api(context, request).settings


def get_apis(context: RequestContext, request: Request) -> dict[str, Any]:
    return _page([api.settings for api in _store(context).values()], request)


def update_api(context: RequestContext, request: Request) -> Settings:
    api = _api(context, request)
    updated = {**api.settings, **request}
    check("Api", updated, api)
    api.settings.update(updated)
    api.changed()
    return api.settings


# ---- what is below it ----------------------------------------------------------------------------------------------


def _operations_of(kind: ChildKind) -> dict[str, Handler]:
    def create(context: RequestContext, request: Request) -> Settings:
        api = _api(context, request)
        given = {name: value for name, value in request.items() if name != "ApiId" and value is not None}
        parent = given.pop(f"{kind.parent}Id") if kind.parent else None
        if kind.parent:
            _found(api, kind.parent, str(parent))
        check(kind.name, given, api)
        if kind.name == "Stage":
            _deployment_exists(api, given)
            identifier = given["StageName"]
            if identifier in api.parts["Stage"]:
                raise conflict("Stage already exists")
        else:
            identifier = new_id(kind.id_length)
        if kind.unique:
            _is_unique(api, kind, given.get(kind.unique), str(parent))
        made = {**kind.defaults, **given, kind.id_member: identifier}
        if kind.parent:
            made["ParentId"] = parent
        if kind.name == "Stage":
            made |= {"CreatedDate": datetime.now(UTC), "LastUpdatedDate": datetime.now(UTC)}
            made["DefaultRouteSettings"] = _with_defaults(made["DefaultRouteSettings"])
        api.parts[kind.name][identifier] = made
        api.changed()
        return made

    def get(context: RequestContext, request: Request) -> Settings:
        return _found(_api(context, request), kind, request[kind.id_member])

    def get_all(context: RequestContext, request: Request) -> dict[str, Any]:
        parts = _api(context, request).parts[kind.name].values()
        parent = request.get(f"{kind.parent}Id") if kind.parent else None
        return _page([one for one in parts if parent in (None, one.get("ParentId"))], request)

    def update(context: RequestContext, request: Request) -> Settings:
        api = _api(context, request)
        now = _found(api, kind, request[kind.id_member])
        given = {n: v for n, v in request.items() if n not in ("ApiId", f"{kind.parent}Id") and v is not None}
        updated = {**now, **given}
        check(kind.name, updated, api)
        if kind.name == "Stage":
            _deployment_exists(api, given)
            updated["LastUpdatedDate"] = datetime.now(UTC)
            updated["DefaultRouteSettings"] = _with_defaults(updated["DefaultRouteSettings"])
        if kind.unique and now.get(kind.unique) != updated.get(kind.unique):
            _is_unique(api, kind, updated.get(kind.unique), str(now.get("ParentId")))
        api.parts[kind.name][request[kind.id_member]] = updated
        api.changed()
        return updated

    def delete(context: RequestContext, request: Request) -> None:
        api = _api(context, request)
        identifier = request[kind.id_member]
        _found(api, kind, identifier)
        _is_not_used(api, kind.name, identifier)
        del api.parts[kind.name][identifier]
        for response in ("RouteResponse", "IntegrationResponse"):
            for own in [i for i, r in api.parts[response].items() if r["ParentId"] == identifier]:
                del api.parts[response][own]
        api.changed()

    return {
        f"Create{kind.name}": create,
        f"Get{kind.name}": get,
        f"Get{kind.name}s": get_all,
        f"Update{kind.name}": update,
        f"Delete{kind.name}": delete,
    }


def _with_defaults(route_settings: Settings) -> Settings:
    return {"DataTraceEnabled": False, "DetailedMetricsEnabled": False, "LoggingLevel": "OFF", **route_settings}


def _is_unique(api: Api, kind: ChildKind, value: Any, parent: str) -> None:
    for other in api.parts[kind.name].values():
        if other.get(str(kind.unique)) == value and other.get("ParentId") in (None, parent):
            raise conflict(f"{kind.name} with {kind.unique} {value} already exists for this API")


def _is_not_used(api: Api, kind: str, identifier: str) -> None:
    """What a route refers to stays as long as it does."""
    used = {"Integration": ("Target", f"integrations/{identifier}"), "Authorizer": ("AuthorizerId", identifier)}
    if kind in used:
        member, value = used[kind]
        if routes := [route["RouteId"] for route in api.parts["Route"].values() if route.get(member) == value]:
            raise conflict(
                f"Cannot delete {kind} '{identifier}', because Route(s) with ID(s): '{', '.join(routes)}' are "
                f"referencing this {kind}."
            )


def _deployment_exists(api: Api, stage: Settings) -> None:
    deployment = stage.get("DeploymentId")
    if deployment and deployment not in api.parts["Deployment"]:
        raise not_found("Deployment", deployment)


def delete_access_log_settings(context: RequestContext, request: Request) -> None:
    _found(_api(context, request), "Stage", request["StageName"]).pop("AccessLogSettings", None)


def delete_route_settings(context: RequestContext, request: Request) -> None:
    stage = _found(_api(context, request), "Stage", request["StageName"])
    stage["RouteSettings"] = {key: v for key, v in stage["RouteSettings"].items() if key != request["RouteKey"]}


# ---- deployments ---------------------------------------------------------------------------------------------------


def create_deployment(context: RequestContext, request: Request) -> Settings:
    api = _api(context, request)
    stage = request.get("StageName")
    if stage:
        _found(api, "Stage", stage)
    if not api.parts["Route"]:
        raise bad_request("Unable to deploy API because no routes exist in this API")
    deployment = api.deploy(request.get("Description"))
    if stage:
        api.parts["Stage"][stage]["DeploymentId"] = deployment["DeploymentId"]
    return deployment


def get_deployment(context: RequestContext, request: Request) -> Settings:
    return _found(_api(context, request), "Deployment", request["DeploymentId"])


def get_deployments(context: RequestContext, request: Request) -> dict[str, Any]:
    return _page(list(_api(context, request).parts["Deployment"].values()), request)


def update_deployment(context: RequestContext, request: Request) -> Settings:
    deployment = get_deployment(context, request)
    if request.get("Description") is not None:
        deployment["Description"] = request["Description"]
    return deployment


def delete_deployment(context: RequestContext, request: Request) -> None:
    api = _api(context, request)
    identifier = request["DeploymentId"]
    _found(api, "Deployment", identifier)
    if any(stage.get("DeploymentId") == identifier for stage in api.parts["Stage"].values()):
        raise bad_request("Active stages pointing to this deployment must be moved or deleted")
    del api.parts["Deployment"][identifier]
    api.snapshots.pop(identifier, None)


# ---- tags ----------------------------------------------------------------------------------------------------------


def _tagged(context: RequestContext, request: Request) -> Settings:
    """What an ARN names: `arn:aws:apigateway:<region>::/apis/<id>`, `.../stages/<name>` after it for a stage."""
    parts = request["ResourceArn"].rpartition("::")[2].strip("/").split("/")
    if len(parts) == 2:
        return get_api(context, {"ApiId": parts[1]})
    if len(parts) == 4 and parts[2] == "stages":
        return _found(_api(context, {"ApiId": parts[1]}), "Stage", parts[3])
    raise bad_request(f"Invalid resource ARN specified: {request['ResourceArn']}")


def get_tags(context: RequestContext, request: Request) -> dict[str, Any]:
    return {"Tags": _tagged(context, request).get("Tags") or {}}


def tag_resource(context: RequestContext, request: Request) -> dict[str, Any]:
    resource = _tagged(context, request)
    resource["Tags"] = {**(resource.get("Tags") or {}), **(request.get("Tags") or {})}
    return {}


def untag_resource(context: RequestContext, request: Request) -> None:
    resource = _tagged(context, request)
    resource["Tags"] = {k: v for k, v in (resource.get("Tags") or {}).items() if k not in request["TagKeys"]}


def operations(on_deleted: Callable[[str, str | None], object]) -> dict[str, Handler]:
    """By name. `on_deleted(api_id, stage)` is called with what was deleted: an API with all its stages, or one of them."""

    def delete_api(context: RequestContext, request: Request) -> None:
        api = _api(context, request)
        del _store(context)[api.api_id]
        on_deleted(api.api_id, None)

    made: dict[str, Handler] = {}
    for kind in KINDS:
        made |= _operations_of(kind)
    delete_stage = made["DeleteStage"]

    def delete_stage_with_its_connections(context: RequestContext, request: Request) -> None:
        delete_stage(context, request)
        on_deleted(request["ApiId"], request["StageName"])

    return made | {
        "CreateApi": create_api,
        "GetApi": get_api,
        "GetApis": get_apis,
        "UpdateApi": update_api,
        "DeleteApi": delete_api,
        "DeleteStage": delete_stage_with_its_connections,
        "DeleteAccessLogSettings": delete_access_log_settings,
        "DeleteRouteSettings": delete_route_settings,
        "CreateDeployment": create_deployment,
        "GetDeployment": get_deployment,
        "GetDeployments": get_deployments,
        "UpdateDeployment": update_deployment,
        "DeleteDeployment": delete_deployment,
        "GetTags": get_tags,
        "TagResource": tag_resource,
        "UntagResource": untag_resource,
    }
