"""Completes LocalStack's resource types of API Gateway: changes in place, and properties that a creation ignores."""

import json
from collections.abc import Mapping
from typing import Any

from harness.emulator.cloudformation.in_place import anew, as_text, put_again
from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.left_out import Parameter, truth
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _canary(settings: Any) -> dict[str, Any]:
    given = {name: settings[name] for name in ("DeploymentId", "StageVariableOverrides") if name in settings}
    return {
        **{name[:1].lower() + name[1:]: value for name, value in given.items()},
        "percentTraffic": float(settings.get("PercentTraffic", 0)),
        "useStageCache": truth(settings.get("UseStageCache", False)),
    }


def _stage_settings(update: Update) -> None:
    """Settings by method, and the access log, which no parameter of CreateStage takes
    (https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateStage-Patch)."""
    operations = []
    for setting in update.after.get("MethodSettings") or ():
        path = _escaped(str(setting.get("ResourcePath", "/*")).removeprefix("/")) or "~1"
        if path not in ("*", "~1"):
            path = f"~1{path}"
        where = f"/{path}/{setting.get('HttpMethod', '*')}"
        operations += [
            {"op": "replace", "path": f"{where}/{_METHOD_SETTINGS[name]}", "value": as_text(value)}
            for name, value in setting.items()
            if name in _METHOD_SETTINGS
        ]
    log = update.after.get("AccessLogSetting") or {}
    for name, path in (("DestinationArn", "destinationArn"), ("Format", "format")):
        if name in log:
            # As API Gateway keeps the ARN of a log group.
            value = str(log[name]).removesuffix(":*") if name == "DestinationArn" else log[name]
            operations.append({"op": "replace", "path": f"/accessLogSettings/{path}", "value": value})
    if operations:
        update.client("apigateway").update_stage(
            restApiId=update.after["RestApiId"], stageName=update.after["StageName"], patchOperations=operations
        )


_METHOD_SETTINGS = {
    "CacheDataEncrypted": "caching/dataEncrypted", "CacheTtlInSeconds": "caching/ttlInSeconds",
    "CachingEnabled": "caching/enabled", "DataTraceEnabled": "logging/dataTrace", "LoggingLevel": "logging/loglevel",
    "MetricsEnabled": "metrics/enabled", "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
}  # fmt: skip


def _rest_api(update: Update) -> None:
    api, after = update.client("apigateway"), update.after
    where = {"restApiId": after["RestApiId"]}
    if update.changes("Body", "BodyS3Location", "Parameters", "Mode"):
        body = after.get("Body")
        if body is None and (location := after.get("BodyS3Location")):
            stored = {k: v for k, v in (("VersionId", location.get("Version")),) if v}
            body = (
                update.client("s3").get_object(Bucket=location["Bucket"], Key=location["Key"], **stored)["Body"].read()
            )
        if body is not None:
            text = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
            # As at its creation; a body of CloudFormation's replaces the whole API unless its Mode says otherwise.
            parameters = {"basepath": "ignore", **(after.get("Parameters") or {})}
            api.put_rest_api(**where, body=text, mode=after.get("Mode", "overwrite"), parameters=parameters)
    _patch(api.update_rest_api, where, update, {
        "Name": "/name", "Description": "/description", "ApiKeySourceType": "/apiKeySource",
        "MinimumCompressionSize": "/minimumCompressionSize", "DisableExecuteApiEndpoint": "/disableExecuteApiEndpoint",
        "Policy": "/policy",
    })  # fmt: skip
    before, now = set(update.before.get("BinaryMediaTypes") or ()), set(after.get("BinaryMediaTypes") or ())
    operations = [{"op": "remove", "path": f"/binaryMediaTypes/{_escaped(one)}"} for one in sorted(before - now)]
    operations += [{"op": "add", "path": f"/binaryMediaTypes/{_escaped(one)}"} for one in sorted(now - before)]
    if operations:
        api.update_rest_api(**where, patchOperations=operations)


def _model(update: Update) -> None:
    where = {"restApiId": update.after["RestApiId"], "modelName": update.after["Name"]}
    patches = {"Schema": "/schema", "Description": "/description"}
    _patch(update.client("apigateway").update_model, where, update, patches)


def _request_validator(update: Update) -> None:
    where = {"restApiId": update.after["RestApiId"], "requestValidatorId": update.after["RequestValidatorId"]}
    patches = {
        "ValidateRequestBody": "/validateRequestBody", "ValidateRequestParameters": "/validateRequestParameters"
    }  # fmt: skip
    _patch(update.client("apigateway").update_request_validator, where, update, patches)


def _patch(operation: Any, where: Mapping[str, str], update: Update, paths: Mapping[str, str]) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html"""
    operations = [
        {"op": "replace", "path": path, "value": as_text(update.after.get(name))}
        for name, path in paths.items()
        if update.changes(name)
    ]
    if operations:
        operation(**where, patchOperations=operations)


def _escaped(part: str) -> str:
    """A part of a JSON pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")


TYPES = (
    KnownType("AWS::ApiGateway::Account", change=TypeUpdate(put_again)),
    KnownType(
        "AWS::ApiGateway::ApiKey",
        parameters={"GenerateDistinctId": Parameter("generateDistinctId", ("create_api_key",), truth)},
    ),
    KnownType("AWS::ApiGateway::Deployment", ignored={"StageDescription": ()}),
    KnownType("AWS::ApiGateway::GatewayResponse", change=TypeUpdate(put_again)),
    KnownType(
        "AWS::ApiGateway::Model",
        change=TypeUpdate(_model, given=frozenset({"Name", "ContentType"})),
        parameters={"Description": Parameter("description", ("create_model",))},
    ),
    KnownType("AWS::ApiGateway::RequestValidator", change=TypeUpdate(_request_validator, given=frozenset({"Name"}))),
    KnownType(
        "AWS::ApiGateway::RestApi",
        change=TypeUpdate(_rest_api, given=frozenset({"Name"})),
        parameters={"ApiKeySourceType": Parameter("apiKeySource", ("create_rest_api",))},
        ignored={"EndpointAccessMode": ("BASIC",), "SecurityPolicy": ("TLS_1_0",)},
    ),
    KnownType(
        "AWS::ApiGateway::Stage",
        change=TypeUpdate(anew, completes=frozenset({"MethodSettings", "AccessLogSetting"}), complete=_stage_settings),
        parameters={"CanarySetting": Parameter("canarySettings", ("create_stage",), _canary)},
        ignored={"ClientCertificateId": ()},
    ),
)
