"""The entry points: REST, HTTP and WebSocket APIs, load balancers, CloudFront."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.topology.document import Location, read_document
from harness.topology.edges import Edge, NamedCondition, RouteCondition
from harness.topology.nodes import NodeId
from harness.topology.readers.making import edge
from harness.topology.references import mentions
from harness.topology.resources import TemplateResource, listed, mapping, mappings
from harness.topology.sam import AUTHORIZER, ROUTE
from harness.topology.wiring import Wiring

_INTEGRATION = "x-amazon-apigateway-integration"
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method"}


def _route(wiring: Wiring, route: TemplateResource) -> Iterator[Edge]:
    """A route of SAM, whose API may name an authorizer for all routes."""
    api = wiring.node(route.get("Api"), route)
    target = wiring.node(route.get("Target"), route, "function")
    if api is None or target is None:
        return
    authorizer = route.get("Authorizer")
    if authorizer is None and api in wiring.by_id:
        authorizer = wiring.by_id[api].get("Auth", "DefaultAuthorizer")
    name = wiring.text(authorizer, route)
    condition = RouteCondition(
        wiring.text(route.get("Method"), route), wiring.text(route.get("Path"), route), _authorizer_name(name)
    )
    yield edge("route", api, target, condition, route)


def _authorizer_name(name: str) -> str | None:
    return None if name in ("", "NONE") else name


def _authorizer(wiring: Wiring, authorizer: TemplateResource) -> Iterator[Edge]:
    api = wiring.node(authorizer.get("Api"), authorizer)
    target = wiring.node(authorizer.get("Target"), authorizer, "function")
    if api and target:
        yield edge("authorizer", api, target, NamedCondition(str(authorizer.get("Name"))), authorizer)


def _described(wiring: Wiring, api: TemplateResource) -> Iterator[Edge]:
    """An API whose routes are an OpenAPI document: in the template, or in a file next to it (SAM's DefinitionUri)."""
    body, path = api.get("Body"), ("Body",)
    if isinstance(uri := api.get("DefinitionUri"), str) and (file := api.template.path.parent / uri).is_file():
        body, path = read_document(file).body, ("DefinitionUri",)
    if not isinstance(body, Mapping):
        return
    inside = path == ("Body",)
    for route, methods in mapping(body.get("paths")).items():
        for method, operation in methods.items() if isinstance(methods, Mapping) else ():
            if method.lower() not in _METHODS or not isinstance(operation, Mapping):
                continue
            uri = mapping(operation.get(_INTEGRATION)).get("uri")
            if target := wiring.known(uri, api, "function"):
                verb = "ANY" if method.startswith("x-") else method.upper()
                condition = RouteCondition(verb, str(route), _security(operation, body))
                place = (*path, "paths", route, method) if inside else path
                yield edge("route", api.id, target, condition, api, *place)
    yield from _schemes(wiring, api, body, path)


def _schemes(wiring: Wiring, api: TemplateResource, body: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Edge]:
    components = mapping(body.get("components"))
    schemes = mapping(body.get("securityDefinitions") or components.get("securitySchemes"))
    for name, scheme in schemes.items():
        authorizer = scheme.get("x-amazon-apigateway-authorizer") if isinstance(scheme, Mapping) else None
        if not isinstance(authorizer, Mapping):
            continue
        issuer = mapping(authorizer.get("jwtConfiguration")).get("issuer")
        for value in listed(authorizer.get("providerARNs")) or [authorizer.get("authorizerUri") or issuer]:
            if target := wiring.node(value, api, "function"):
                yield edge("authorizer", api.id, target, NamedCondition(name), api, *path)


def _security(operation: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    names = [name for _, each in mappings(operation.get("security", body.get("security"))) for name in each]
    return _authorizer_name(names[0] if names else "")


def _method(wiring: Wiring, method: TemplateResource) -> Iterator[Edge]:
    api = wiring.node(method.get("RestApiId"), method)
    target = wiring.known(method.get("Integration", "Uri"), method, "function")
    if api is None or target is None:
        return
    kind = wiring.text(method.get("AuthorizationType"), method, "NONE")
    authorizer = _name_of(wiring, method.get("AuthorizerId"), method) or kind
    path = _path(wiring, method.get("ResourceId"), method)
    condition = RouteCondition(
        wiring.text(method.get("HttpMethod"), method).upper(), path, _authorizer_name(authorizer)
    )
    yield edge("route", api, target, condition, method)


def _path(wiring: Wiring, value: Any, resource: TemplateResource) -> str:
    """The path of an AWS::ApiGateway::Resource; "/" for the API's root."""
    named = _referred(wiring, value, resource)
    if named is None or named.type != "AWS::ApiGateway::Resource":
        return "/"
    parent = _path(wiring, named.get("ParentId"), named)
    return f"{parent.rstrip('/')}/{wiring.text(named.get('PathPart'), named)}"


def _referred(wiring: Wiring, value: Any, resource: TemplateResource) -> TemplateResource | None:
    """The resource of the same stack that a value names first, of any type."""
    for mention in mentions(value):
        if found := wiring.by_id.get(NodeId(resource.id.stack, mention.name)):
            return found
    return None


def _name_of(wiring: Wiring, value: Any, resource: TemplateResource) -> str:
    """An authorizer's own name, else its logical id."""
    named = _referred(wiring, value, resource)
    return wiring.text(named.get("Name"), named, named.logical_id) if named else ""


def _declared_authorizer(wiring: Wiring, authorizer: TemplateResource) -> Iterator[Edge]:
    api = wiring.node(authorizer.get("RestApiId", default=authorizer.get("ApiId")), authorizer)
    name = wiring.text(authorizer.get("Name"), authorizer, authorizer.logical_id)
    issuer = authorizer.get("JwtConfiguration", "Issuer")
    values = listed(authorizer.get("ProviderARNs")) or [authorizer.get("AuthorizerUri") or issuer]
    for value in values:
        target = wiring.node(value, authorizer, "function")
        if api and target:
            yield edge("authorizer", api, target, NamedCondition(name), authorizer)


def _keyed_route(wiring: Wiring, route: TemplateResource) -> Iterator[Edge]:
    """A route of an HTTP or a WebSocket API."""
    api = wiring.node(route.get("ApiId"), route)
    integration = _referred(wiring, route.get("Target"), route)
    target = wiring.node(integration.get("IntegrationUri"), integration, "function") if integration else None
    if api is None or target is None:
        return
    key = wiring.text(route.get("RouteKey"), route)
    method, path = key.split(" ", 1) if " " in key else ("", key)
    kind = wiring.text(route.get("AuthorizationType"), route, "NONE")
    authorizer = _name_of(wiring, route.get("AuthorizerId"), route) or kind
    yield edge("route", api, target, RouteCondition(method, path, _authorizer_name(authorizer)), route)


def _listener(wiring: Wiring, listener: TemplateResource) -> Iterator[Edge]:
    """A load balancer's listener or rule, to the functions of its target groups."""
    rule = listener.type.endswith("ListenerRule")
    main = _referred(wiring, listener.get("ListenerArn"), listener) if rule else listener
    balancer = wiring.node(main.get("LoadBalancerArn"), main) if main else None
    actions = "Actions" if rule else "DefaultActions"
    conditions = _rule_conditions(wiring, listener) if rule else [RouteCondition("ANY", "/*")]
    for index, action in listener.mappings(actions):
        forwarded = mappings(mapping(action.get("ForwardConfig")).get("TargetGroups"))
        named = [group.get("TargetGroupArn") for _, group in forwarded] or [action.get("TargetGroupArn")]
        for group in filter(None, (_referred(wiring, each, listener) for each in named)):
            for _, member in group.mappings("Targets"):
                target = wiring.node(member.get("Id"), group, "function")
                for condition in conditions if balancer and target else ():
                    assert balancer
                    assert target
                    yield edge("route", balancer, target, condition, listener, *((actions, index) if rule else ()))


def _rule_conditions(wiring: Wiring, rule: TemplateResource) -> list[RouteCondition]:
    """One for each path and method of a rule, with the rule's other conditions."""
    paths, methods, also = ["/*"], ["ANY"], []
    for _, condition in rule.mappings("Conditions"):
        config = next((each for each in condition.values() if isinstance(each, Mapping)), condition)
        values = [_condition_value(wiring, value, rule) for value in listed(config.get("Values"))]
        match condition.get("Field"):
            case "path-pattern":
                paths = values
            case "http-request-method":
                methods = values
            case "host-header":
                also.append(f"host {' or '.join(values)}")
            case "http-header":
                also.append(f"header {config.get('HttpHeaderName')}: {' or '.join(values)}")
            case "query-string":
                also.append(f"query {' or '.join(values)}")
            case "source-ip":
                also.append(f"from {' or '.join(values)}")
    return [RouteCondition(method, path, also=tuple(also)) for path in paths for method in methods]


def _condition_value(wiring: Wiring, value: Any, rule: TemplateResource) -> str:
    if isinstance(value, Mapping) and "Value" in value:
        return "=".join(wiring.text(value[name], rule, "…") for name in ("Key", "Value") if name in value)
    return wiring.text(value, rule, "…")


def _distribution(wiring: Wiring, distribution: TemplateResource) -> Iterator[Edge]:
    config = ("DistributionConfig",)
    for index, origin in distribution.mappings(*config, "Origins"):
        if target := wiring.node(origin.get("DomainName"), distribution):
            condition = NamedCondition(wiring.text(origin.get("Id"), distribution, "origin"))
            yield edge("viewer", distribution.id, target, condition, distribution, *config, "Origins", index)
    default = distribution.mapping(*config, "DefaultCacheBehavior")
    behaviours: list[tuple[Any, Location]] = [(default, (*config, "DefaultCacheBehavior"))]
    for index, behaviour in distribution.mappings(*config, "CacheBehaviors"):
        behaviours.append((behaviour, (*config, "CacheBehaviors", index)))
    for behaviour, path in behaviours:
        for _, associated in mappings(behaviour.get("LambdaFunctionAssociations")):
            if target := wiring.node(associated.get("LambdaFunctionARN"), distribution, "function"):
                condition = NamedCondition(wiring.text(associated.get("EventType"), distribution))
                yield edge("viewer", distribution.id, target, condition, distribution, *path)


READERS = {
    AUTHORIZER: (_authorizer,),
    ROUTE: (_route,),
    "AWS::ApiGateway::Authorizer": (_declared_authorizer,),
    "AWS::ApiGateway::Method": (_method,),
    "AWS::ApiGateway::RestApi": (_described,),
    "AWS::ApiGatewayV2::Api": (_described,),
    "AWS::ApiGatewayV2::Authorizer": (_declared_authorizer,),
    "AWS::ApiGatewayV2::Route": (_keyed_route,),
    "AWS::CloudFront::Distribution": (_distribution,),
    "AWS::ElasticLoadBalancingV2::Listener": (_listener,),
    "AWS::ElasticLoadBalancingV2::ListenerRule": (_listener,),
}
