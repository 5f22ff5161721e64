"""SAM's resources expanded into CloudFormation's form (see `resources`)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.aws.sam import TYPES
from harness.topology.document import Location
from harness.topology.resources import Stack, TemplateResource, listed, mapping

ROUTE = "harness::Route"
"""A route of an API, in whichever form it is declared: Api, Method, Path, Function, Authorizer."""
AUTHORIZER = "harness::Authorizer"
"""An authorizer of an API: Api, Name, Target (a function or a user pool)."""

_TYPES = {type_: row.becomes for type_, row in TYPES.items() if row.becomes}
_IMPLICIT_APIS = {"Api": ("ServerlessRestApi", "AWS::ApiGateway::RestApi"),
                  "HttpApi": ("ServerlessHttpApi", "AWS::ApiGatewayV2::Api")}  # fmt: skip
_MAPPED = ("Kinesis", "DynamoDB", "SQS", "MSK", "MQ", "SelfManagedKafka", "DocumentDB")


def expand(stack: Stack) -> list[TemplateResource]:
    """The resources of a stack in CloudFormation's form, in the order of the template."""
    found: list[TemplateResource] = []
    for resource in stack.declared.values():
        if resource.type not in _TYPES:
            found.append(resource)
            continue
        merged = _with_globals(resource, stack)
        expanded = replace(merged, type=_TYPES[resource.type])
        match resource.type:
            case "AWS::Serverless::Function":
                found += _function(expanded)
            case "AWS::Serverless::StateMachine":
                found += [expanded, *_events(expanded, "state machine")]
            case "AWS::Serverless::Api" | "AWS::Serverless::HttpApi":
                found += [_renamed(expanded, {"DefinitionBody": "Body"}), *_authorizers(expanded)]
            case _:
                found.append(expanded)
    return [*found, *_implicit_apis(stack, found)]


def _with_globals(resource: TemplateResource, stack: Stack) -> TemplateResource:
    """Globals are the defaults of a resource; maps are merged, lists are joined
    (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html).
    """
    section = TYPES[resource.type].section
    defaults = mapping(stack.decided(stack.template.body.get("Globals", {}).get(section)))
    own = resource.properties
    moved: dict[str, Location] = {key: ("Globals", section, key) for key in defaults if key not in own}
    return replace(resource, properties=_merged(defaults, own), moved=moved)


def _merged(defaults: Any, own: Any) -> Any:
    if isinstance(defaults, Mapping) and isinstance(own, Mapping):
        return {**defaults, **{key: _merged(defaults.get(key), value) for key, value in own.items()}}
    if isinstance(defaults, list) and isinstance(own, list):
        return [*defaults, *own]
    return own


def _renamed(resource: TemplateResource, names: Mapping[str, str]) -> TemplateResource:
    """The resource with CloudFormation's names of its properties."""
    properties = {names.get(key, key): value for key, value in resource.properties.items()}
    moved = {names.get(key, key): resource.place(key) for key in resource.properties}
    return replace(resource, properties=properties, moved=moved)


def _arn(resource: TemplateResource) -> Any:
    if resource.type == "AWS::StepFunctions::StateMachine":
        return {"Ref": resource.logical_id}
    return {"Fn::GetAtt": [resource.logical_id, "Arn"]}


def _function(function: TemplateResource) -> Iterator[TemplateResource]:
    own = dict(function.properties)
    moved = dict(function.moved)
    if isinstance(queue := own.pop("DeadLetterQueue", None), Mapping):
        own["DeadLetterConfig"] = {"TargetArn": queue.get("TargetArn")}
        moved["DeadLetterConfig"] = function.place("DeadLetterQueue")
    if "Role" not in own:
        own["Role"] = {"Fn::GetAtt": [f"{function.logical_id}Role", "Arn"]}
        policies = listed(own.get("Policies"))
        yield replace(
            function,
            logical_id=f"{function.logical_id}Role",
            type="AWS::IAM::Role",
            properties={"Policies": policies},
            moved={"Policies": function.place("Policies")},
        )
    yield replace(function, properties=own, moved=moved)
    if isinstance(config := own.get("EventInvokeConfig"), Mapping):
        yield from _invoke_config(function, config)
    yield from _events(function, "function")


def _invoke_config(function: TemplateResource, config: Mapping[str, Any]) -> Iterator[TemplateResource]:
    name = f"{function.logical_id}EventInvokeConfig"
    destinations = {key: dict(mapping(value)) for key, value in mapping(config.get("DestinationConfig")).items()}
    for key, destination in destinations.items():
        kind = destination.get("Type")
        if "Destination" not in destination and kind in ("SQS", "SNS"):
            made = f"{name}{key}{'Queue' if kind == 'SQS' else 'Topic'}"
            resource_type = "AWS::SQS::Queue" if kind == "SQS" else "AWS::SNS::Topic"
            place = function.place("EventInvokeConfig", "DestinationConfig", key)
            yield TemplateResource(function.template, made, resource_type, {}, place)
            destination["Destination"] = {"Fn::GetAtt": [made, "Arn"]} if kind == "SQS" else {"Ref": made}
    place = function.place("EventInvokeConfig")
    properties = {**config, "DestinationConfig": destinations, "FunctionName": {"Ref": function.logical_id}}
    moved = {key: (*place, key) for key in properties}
    yield TemplateResource(function.template, name, "AWS::Lambda::EventInvokeConfig", properties, place, moved)


def _events(target: TemplateResource, what: str) -> Iterator[TemplateResource]:
    for name, event in target.mapping("Events").items():
        if not isinstance(event, Mapping):
            continue
        kind, own = str(event.get("Type")), mapping(event.get("Properties"))
        place = target.place("Events", name)
        if kind in _MAPPED:
            yield from _mapping(target, name, own, place)
        elif maker := _EVENTS.get(kind):
            yield from maker(target, name, own, place)
        if what == "function" and (principal := _PRINCIPALS.get(kind)):
            yield _made(
                target,
                f"{name}Permission",
                "AWS::Lambda::Permission",
                {
                    "FunctionName": {"Ref": target.logical_id},
                    "Action": "lambda:InvokeFunction",
                    "Principal": principal,
                    "SourceArn": _source_of(target, name, kind, own),
                },
                place,
            )


_TARGETS = {"AWS::Lambda::Function": "LambdaTarget", "AWS::StepFunctions::StateMachine": "StepFunctionsTarget"}

_PRINCIPALS = {
    "Api": "apigateway.amazonaws.com",
    "CloudWatchEvent": "events.amazonaws.com",
    "CloudWatchLogs": "logs.amazonaws.com",
    "Cognito": "cognito-idp.amazonaws.com",
    "EventBridgeRule": "events.amazonaws.com",
    "HttpApi": "apigateway.amazonaws.com",
    "S3": "s3.amazonaws.com",
    "SNS": "sns.amazonaws.com",
    "Schedule": "events.amazonaws.com",
}


def _source_of(target: TemplateResource, name: str, kind: str, own: Mapping[str, Any]) -> Any:
    match kind:
        case "Api" | "HttpApi":
            return _api_of(kind, own)
        case "S3":
            return None  # SAM uses only the account: the bucket is created after the permission
        case "SNS":
            return own.get("Topic")
        case "Cognito":
            return own.get("UserPool")
        case "CloudWatchLogs":
            return own.get("LogGroupName")
    return {"Fn::GetAtt": [f"{target.logical_id}{name}", "Arn"]}


def _made(
    target: TemplateResource,
    suffix: str,
    resource_type: str,
    properties: Mapping[str, Any],
    place: Location,
    moved: Mapping[str, str] | None = None,
) -> TemplateResource:
    """A resource that SAM generates from an event. `moved` maps CloudFormation's name of a property to SAM's."""
    places: dict[str, Location] = {key: (*place, "Properties", key) for key in properties}
    places |= {key: (*place, "Properties", name) for key, name in (moved or {}).items()}
    made = {key: value for key, value in properties.items() if value is not None}
    return TemplateResource(target.template, f"{target.logical_id}{suffix}", resource_type, made, place, places)


def _mapping(
    target: TemplateResource, name: str, own: Mapping[str, Any], place: Location
) -> Iterator[TemplateResource]:
    source = next((own[key] for key in ("Queue", "Stream", "Broker", "Cluster") if key in own), None)
    properties = {**own, "EventSourceArn": source, "FunctionName": {"Ref": target.logical_id}}
    moved = {"EventSourceArn": next((key for key in ("Queue", "Stream", "Broker", "Cluster") if key in own), "Queue")}
    yield _made(target, name, "AWS::Lambda::EventSourceMapping", properties, place, moved)


def _subscription(
    target: TemplateResource, name: str, own: Mapping[str, Any], place: Location
) -> Iterator[TemplateResource]:
    queue = own.get("SqsSubscription")
    endpoint = _arn(target)
    if queue:
        settings = queue if isinstance(queue, Mapping) else {}
        if "QueueArn" in settings:
            endpoint = settings["QueueArn"]
        else:
            yield _made(target, f"{name}Queue", "AWS::SQS::Queue", {}, place)
            endpoint = {"Fn::GetAtt": [f"{target.logical_id}{name}Queue", "Arn"]}
        yield _made(
            target,
            f"{name}EventSourceMapping",
            "AWS::Lambda::EventSourceMapping",
            {"EventSourceArn": endpoint, "FunctionName": {"Ref": target.logical_id},
             "BatchSize": settings.get("BatchSize", 10), "Enabled": settings.get("Enabled", True)},
            place,
        )  # fmt: skip
    kept = {key: own.get(key) for key in ("FilterPolicy", "FilterPolicyScope", "RedrivePolicy")}
    properties = {"TopicArn": own.get("Topic"), "Protocol": "sqs" if queue else "lambda", "Endpoint": endpoint, **kept}
    yield _made(target, name, "AWS::SNS::Subscription", properties, place, {"TopicArn": "Topic"})


def _notification(
    target: TemplateResource, _name: str, own: Mapping[str, Any], place: Location
) -> Iterator[TemplateResource]:
    """SAM adds it to the bucket, which must be in the same template."""
    configurations = [
        {"Event": event, "Function": _arn(target), "Filter": own.get("Filter")} for event in listed(own.get("Events"))
    ]
    bucket = str(mapping(own.get("Bucket")).get("Ref", ""))
    properties = {"NotificationConfiguration": {"LambdaConfigurations": configurations}}
    places = {"NotificationConfiguration": (*place, "Properties")}
    if bucket:
        yield TemplateResource(target.template, bucket, "AWS::S3::Bucket", properties, place, places)


def _rule(target: TemplateResource, name: str, own: Mapping[str, Any], place: Location) -> Iterator[TemplateResource]:
    yield from _failure_queue(target, name, own, place)
    given = {key: own.get(key) for key in ("Input", "InputPath", "InputTransformer", "RetryPolicy")}
    wiring = {
        "Id": mapping(own.get("Target")).get("Id") or f"{target.logical_id}{name}{_TARGETS[target.type]}",
        "Arn": _arn(target),
        "DeadLetterConfig": _failure_target(target, name, own),
    }
    enabled = own.get("State") or ("DISABLED" if own.get("Enabled") is False else None)
    properties = {
        "EventPattern": own.get("Pattern"),
        "EventBusName": own.get("EventBusName"),
        "ScheduleExpression": own.get("Schedule"),
        "State": enabled,
        "Targets": [{key: value for key, value in {**given, **wiring}.items() if value is not None}],
    }
    moved = {"EventPattern": "Pattern", "ScheduleExpression": "Schedule"}
    made = _made(target, name, "AWS::Events::Rule", properties, place, moved)
    yield replace(made, moved={**made.moved, "Targets": place})


def _schedule(
    target: TemplateResource, name: str, own: Mapping[str, Any], place: Location
) -> Iterator[TemplateResource]:
    yield from _failure_queue(target, name, own, place)
    given = {key: own.get(key) for key in ("Input", "RetryPolicy")}
    wiring = {**given, "Arn": _arn(target), "DeadLetterConfig": _failure_target(target, name, own)}
    properties = {
        "ScheduleExpression": own.get("ScheduleExpression"),
        "State": own.get("State"),
        "Target": {key: value for key, value in wiring.items() if value is not None},
    }
    made = _made(target, name, "AWS::Scheduler::Schedule", properties, place)
    yield replace(made, moved={**made.moved, "Target": place})


def _failure_target(target: TemplateResource, name: str, own: Mapping[str, Any]) -> Any:
    config = own.get("DeadLetterConfig")
    if not isinstance(config, Mapping):
        return None
    return {"Arn": config.get("Arn") or {"Fn::GetAtt": [_failure_queue_name(target, name, config), "Arn"]}}


def _failure_queue_name(target: TemplateResource, name: str, config: Mapping[str, Any]) -> str:
    return str(config.get("QueueLogicalId") or f"{target.logical_id}{name}Queue")


def _failure_queue(
    target: TemplateResource, name: str, own: Mapping[str, Any], place: Location
) -> Iterator[TemplateResource]:
    config = own.get("DeadLetterConfig")
    if isinstance(config, Mapping) and "Arn" not in config and config.get("Type") == "SQS":
        where = (*place, "Properties", "DeadLetterConfig")
        yield TemplateResource(target.template, _failure_queue_name(target, name, config), "AWS::SQS::Queue", {}, where)


def _api_of(kind: str, own: Mapping[str, Any]) -> Any:
    return own.get("RestApiId" if kind == "Api" else "ApiId") or {"Ref": _IMPLICIT_APIS[kind][0]}


def _route(kind: str) -> Callable[[TemplateResource, str, Mapping[str, Any], Location], Iterator[TemplateResource]]:
    def make(
        target: TemplateResource, name: str, own: Mapping[str, Any], place: Location
    ) -> Iterator[TemplateResource]:
        method, path = str(own.get("Method", "ANY")).upper(), own.get("Path", "$default")
        properties = {
            "Api": _api_of(kind, own),
            "Method": "ANY" if method == "X-AMAZON-APIGATEWAY-ANY-METHOD" else method,
            "Path": path,
            "Target": _arn(target),
            "Authorizer": mapping(own.get("Auth")).get("Authorizer"),
        }
        # The deployed resource is the API, which contains the route.
        route = _made(target, name, ROUTE, properties, place)
        api = mapping(properties["Api"]).get("Ref")
        yield replace(route, logical_id=api) if isinstance(api, str) else route

    return make


def _log_subscription(
    target: TemplateResource, name: str, own: Mapping[str, Any], place: Location
) -> Iterator[TemplateResource]:
    properties = {**own, "DestinationArn": _arn(target)}
    yield _made(target, name, "AWS::Logs::SubscriptionFilter", properties, place)


def _user_pool_trigger(
    target: TemplateResource, _name: str, own: Mapping[str, Any], place: Location
) -> Iterator[TemplateResource]:
    pool = own.get("UserPool")
    config = {str(trigger): _arn(target) for trigger in listed(own.get("Trigger"))}
    logical_id = str(mapping(pool).get("Ref", ""))
    places = {"LambdaConfig": place}
    if logical_id:
        yield TemplateResource(
            target.template, logical_id, "AWS::Cognito::UserPool", {"LambdaConfig": config}, place, places
        )


_EVENTS: dict[str, Callable[[TemplateResource, str, Mapping[str, Any], Location], Iterator[TemplateResource]]] = {
    "Api": _route("Api"),
    "CloudWatchEvent": _rule,
    "CloudWatchLogs": _log_subscription,
    "Cognito": _user_pool_trigger,
    "EventBridgeRule": _rule,
    "HttpApi": _route("HttpApi"),
    "S3": _notification,
    "SNS": _subscription,
    "Schedule": _rule,
    "ScheduleV2": _schedule,
}


def _authorizers(api: TemplateResource) -> Iterator[TemplateResource]:
    for name, authorizer in api.mapping("Auth", "Authorizers").items():
        if not isinstance(authorizer, Mapping):
            continue
        place = api.place("Auth", "Authorizers", name)
        pools = authorizer.get("UserPoolArn")
        issuer = mapping(authorizer.get("JwtConfiguration")).get("issuer")
        for target in pools if isinstance(pools, list) else [pools or authorizer.get("FunctionArn") or issuer]:
            if target is not None:
                properties = {"Api": {"Ref": api.logical_id}, "Name": name, "Target": target}
                yield TemplateResource(api.template, api.logical_id, AUTHORIZER, properties, place)
        if function := authorizer.get("FunctionArn"):
            permission = {
                "FunctionName": function,
                "Action": "lambda:InvokeFunction",
                "Principal": _PRINCIPALS["Api"],
                "SourceArn": {"Ref": api.logical_id},
            }
            logical_id = f"{api.logical_id}{name}AuthorizerPermission"
            yield TemplateResource(api.template, logical_id, "AWS::Lambda::Permission", permission, place)


def _implicit_apis(stack: Stack, found: list[TemplateResource]) -> Iterator[TemplateResource]:
    for kind, (logical_id, resource_type) in _IMPLICIT_APIS.items():
        users = [each for each in found if each.type == ROUTE and each.properties["Api"] == {"Ref": logical_id}]
        if users and not any((each.logical_id, each.type) == (logical_id, resource_type) for each in found):
            defaults = mapping(stack.decided(stack.template.body.get("Globals", {}).get(kind)))
            moved: dict[str, Location] = {key: ("Globals", kind, key) for key in defaults}
            place = ("Globals", kind) if defaults else users[0].location
            api = TemplateResource(stack.template, logical_id, resource_type, defaults, place, moved)
            yield api
            yield from _authorizers(api)
