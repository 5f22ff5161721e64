"""How resources of LocalStack's own types are changed in place, one function a type.

What may change without a new resource is said by each type's page in
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html ("Update requires").
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from harness.emulator.cloudformation import streams
from harness.emulator.cloudformation.buckets import SETTINGS, complete_bucket
from harness.emulator.cloudformation.left_out import truth as _true
from harness.emulator.cloudformation.resource_type import Model
from harness.emulator.cloudformation.tables import change_table
from harness.emulator.cloudformation.updates import Change, Update


def _put_again(update: Update) -> None:
    """Where what creates a resource is a Put, which overwrites what is there."""
    _create_again(update, update.after)


def _create_again(update: Update, properties: Model) -> None:
    update.request.desired_state = deepcopy(properties)
    made = update.provider.create(update.request)
    for name, value in made.resource_model.items():
        update.after.setdefault(name, value)


def _anew(update: Update) -> None:
    """Where a resource is nothing but its name and its properties: removed and made under the same name."""
    update.request.desired_state = deepcopy(update.before)
    update.provider.delete(update.request)
    _create_again(update, update.after)


def _rule(update: Update) -> None:
    events = update.client("events")
    bus, _, name = update.before["Id"].rpartition("|")
    where = {"EventBusName": bus} if bus else {}
    if left := _ids(update.before.get("Targets")) - _ids(update.after.get("Targets")):
        events.remove_targets(Rule=name, Ids=sorted(left), **where)
    _create_again(update, {**update.after, "Name": name})
    if "Name" not in update.request.previous_state:
        update.after.pop("Name", None)


def _ids(targets: Any) -> set[str]:
    return {target["Id"] for target in targets or ()}


def _bucket(update: Update) -> None:
    s3, bucket = update.client("s3"), update.after["BucketName"]
    if update.gone("NotificationConfiguration"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    if update.gone("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    if update.gone("CorsConfiguration"):
        s3.delete_bucket_cors(Bucket=bucket)
    if update.gone("WebsiteConfiguration"):
        s3.delete_bucket_website(Bucket=bucket)
    if update.gone("Tags"):
        s3.delete_bucket_tagging(Bucket=bucket)
    _put_again(update)


def _topic_policy(update: Update) -> None:
    if dropped := set(update.before["Topics"]) - set(update.after["Topics"]):
        update.request.desired_state = {**deepcopy(update.before), "Topics": sorted(dropped)}
        update.provider.delete(update.request)
    _put_again(update)


def _log_group(update: Update) -> None:
    logs, group = update.client("logs"), update.after["LogGroupName"]
    if days := update.after.get("RetentionInDays"):
        logs.put_retention_policy(logGroupName=group, retentionInDays=int(days))
    elif update.gone("RetentionInDays"):
        logs.delete_retention_policy(logGroupName=group)
    if update.changes("Tags"):
        left, given = _tags(update)
        arn = update.after["Arn"].removesuffix(":*")
        if left:
            logs.untag_resource(resourceArn=arn, tagKeys=left)
        if given:
            logs.tag_resource(resourceArn=arn, tags=given)


def _tags(update: Update) -> tuple[list[str], dict[str, str]]:
    """The keys that are gone, and what is now, by key."""
    before, after = ({t["Key"]: t["Value"] for t in one.get("Tags") or ()} for one in (update.before, update.after))
    return sorted(before.keys() - after.keys()), after


def _tag(update: Update, service: str) -> None:
    """Where a service tags whatever has an ARN."""
    client, arn = update.client(service), update.after["Arn"]
    left, given = _tags(update)
    if left:
        client.untag_resource(ResourceARN=arn, TagKeys=left)
    if given:
        client.tag_resource(ResourceARN=arn, Tags=update.after["Tags"])


def _event_bus(update: Update) -> None:
    _tag(update, "events")


def _alarm_tags(update: Update) -> None:
    _tag(update, "cloudwatch")


def _event_bus_policy(update: Update) -> None:
    events, bus = update.client("events"), update.after["Name"]
    if (policy := update.after.get("Policy")) is not None:
        events.put_permission(EventBusName=bus, Policy=policy if isinstance(policy, str) else json.dumps(policy))
    elif update.gone("Policy"):
        events.remove_permission(EventBusName=bus, RemoveAllPermissions=True)


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
            {"op": "replace", "path": f"{where}/{_METHOD_SETTINGS[name]}", "value": _text(value)}
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


def _user(update: Update) -> None:
    iam, user = update.client("iam"), update.after["UserName"]
    before, after = (
        {one["PolicyName"]: one["PolicyDocument"] for one in state.get("Policies") or ()}
        for state in (update.before, update.after)
    )
    for name in before.keys() - after.keys():
        iam.delete_user_policy(UserName=user, PolicyName=name)
    for name, document in after.items():
        text = document if isinstance(document, str) else json.dumps(document)
        iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=text)
    if update.changes("LoginProfile"):
        if update.before.get("LoginProfile"):
            iam.delete_login_profile(UserName=user)
        if profile := update.after.get("LoginProfile"):
            reset = _true(profile.get("PasswordResetRequired", False))
            iam.create_login_profile(UserName=user, Password=profile["Password"], PasswordResetRequired=reset)


def _key(update: Update) -> None:
    kms, key = update.client("kms"), update.after["KeyId"]
    if update.changes("KeyPolicy") and "KeyPolicy" in update.after:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(update.after["KeyPolicy"]))
    if update.changes("Description"):
        kms.update_key_description(KeyId=key, Description=update.after.get("Description", ""))
    if update.changes("EnableKeyRotation"):
        (kms.enable_key_rotation if _true(update.after.get("EnableKeyRotation")) else kms.disable_key_rotation)(
            KeyId=key
        )
    if update.changes("Enabled"):
        (kms.enable_key if _true(update.after.get("Enabled", True)) else kms.disable_key)(KeyId=key)


def _key_alias(update: Update) -> None:
    update.client("kms").update_alias(AliasName=update.after["AliasName"], TargetKeyId=update.after["TargetKeyId"])


def _secret(update: Update) -> None:
    manager, given = update.client("secretsmanager"), {}
    for name in ("Description", "KmsKeyId", "SecretString"):
        if update.changes(name):
            given[name] = update.after.get(name, "")
    if update.changes("GenerateSecretString") and (generate := update.after.get("GenerateSecretString")) is not None:
        # A changed recipe makes a new version of the secret, an unchanged one never.
        provider: Any = update.provider
        value = provider._get_secret_value(generate)
        if template := generate.get("SecretStringTemplate"):
            value = provider._modify_secret_template(template, value, generate)
        given["SecretString"] = value
    if given:
        manager.update_secret(SecretId=update.after["Id"], **given)
    if update.changes("Tags"):
        before, after = (
            {tag["Key"]: tag["Value"] for tag in one.get("Tags") or ()} for one in (update.before, update.after)
        )
        if left := sorted(before.keys() - after.keys()):
            manager.untag_resource(SecretId=update.after["Id"], TagKeys=left)
        if after:
            manager.tag_resource(SecretId=update.after["Id"], Tags=update.after["Tags"])


def _schedule(update: Update) -> None:
    given = {name: update.after[name] for name in _SCHEDULE if update.after.get(name) is not None}
    update.client("scheduler").update_schedule(**given)


_SCHEDULE = (
    "Description", "EndDate", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "Name", "ScheduleExpression",
    "ScheduleExpressionTimezone", "StartDate", "State", "Target",
)  # fmt: skip


def _alias(update: Update) -> None:
    after = update.after
    given = {name: after[name] for name in ("FunctionVersion", "Description", "RoutingConfig") if name in after}
    if update.gone("Description"):
        given["Description"] = ""
    if update.gone("RoutingConfig"):
        given["RoutingConfig"] = {}
    update.client("lambda_").update_alias(FunctionName=after["FunctionName"], Name=after["Name"], **given)


def _function_url(update: Update) -> None:
    after = update.after
    given = {name: after[name] for name in ("AuthType", "Cors", "InvokeMode", "Qualifier") if name in after}
    update.client("lambda_").update_function_url_config(FunctionName=after["TargetFunctionArn"], **given)


def _managed_policy(update: Update) -> None:
    iam, arn = update.client("iam"), update.before["Id"]
    if update.changes("PolicyDocument"):
        document = update.after["PolicyDocument"]
        # A policy keeps five versions at most.
        versions = [one for one in iam.list_policy_versions(PolicyArn=arn)["Versions"] if not one["IsDefaultVersion"]]
        if len(versions) >= _OLD_VERSIONS:
            iam.delete_policy_version(PolicyArn=arn, VersionId=versions[-1]["VersionId"])
        text = document if isinstance(document, str) else json.dumps(document)
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
    for names, kind in (("Roles", "role"), ("Users", "user"), ("Groups", "group")):
        before, after = set(update.before.get(names) or ()), set(update.after.get(names) or ())
        for one in before - after:
            getattr(iam, f"detach_{kind}_policy")(**{f"{kind.title()}Name": one, "PolicyArn": arn})
        for one in after - before:
            getattr(iam, f"attach_{kind}_policy")(**{f"{kind.title()}Name": one, "PolicyArn": arn})


_OLD_VERSIONS = 4


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
        {"op": "replace", "path": path, "value": _text(update.after.get(name))}
        for name, path in paths.items()
        if update.changes(name)
    ]
    if operations:
        operation(**where, patchOperations=operations)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict | list) else str(value)


def _escaped(part: str) -> str:
    """A part of a JSON pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")


def _connection(update: Update) -> None:
    given = {
        n: update.after[n] for n in ("Name", "AuthorizationType", "AuthParameters", "Description") if n in update.after
    }
    update.client("events").update_connection(**given)


def _api_destination(update: Update) -> None:
    names = ("Name", "Description", "ConnectionArn", "InvocationEndpoint", "HttpMethod", "InvocationRateLimitPerSecond")
    update.client("events").update_api_destination(**{n: update.after[n] for n in names if n in update.after})


def _nested_stack(update: Update) -> None:
    """By a change set, whose end says whether it failed, and whose events why."""
    cloudformation, stack_id = update.client("cloudformation"), update.before["Id"]
    parameters = [
        {"ParameterKey": name, "ParameterValue": _text(value)}
        for name, value in (update.after.get("Parameters") or {}).items()
    ]
    change_set = cloudformation.create_change_set(
        StackName=stack_id,
        ChangeSetName=f"parent-{secrets.token_hex(8)}",
        ChangeSetType="UPDATE",
        TemplateURL=update.after["TemplateURL"],
        Parameters=parameters,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )["Id"]
    made = _when_done(lambda: cloudformation.describe_change_set(ChangeSetName=change_set, StackName=stack_id))
    if made["Status"] == "CREATE_COMPLETE":
        before = {event["EventId"] for event in _events(cloudformation, stack_id)}
        cloudformation.execute_change_set(ChangeSetName=change_set, StackName=stack_id)
        _when_done(
            lambda: cloudformation.describe_change_set(ChangeSetName=change_set, StackName=stack_id), "ExecutionStatus"
        )
        for event in reversed(_events(cloudformation, stack_id)):
            if event["ResourceStatus"].endswith("_FAILED") and event["EventId"] not in before:
                raise NestedStackError(event.get("ResourceStatusReason") or event["LogicalResourceId"])
    elif "didn't contain changes" not in made.get("StatusReason", ""):
        raise NestedStackError(made.get("StatusReason", made["Status"]))
    [stack] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    update.after["Outputs"] = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}


class NestedStackError(Exception):
    """A nested stack could not be updated."""


def _events(cloudformation: Any, stack_id: str) -> list[dict[str, Any]]:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    return [event for page in pages for event in page["StackEvents"]]


def _when_done(describe: Callable[[], dict[str, Any]], status: str = "Status") -> dict[str, Any]:
    while True:
        described = describe()
        if described.get(status, "").endswith(("_COMPLETE", "FAILED")):
            return described
        time.sleep(_POLL_SECONDS)


_POLL_SECONDS = 0.1


CHANGES: Mapping[str, Change] = {
    "AWS::ApiGateway::Account": Change(_put_again),
    "AWS::ApiGateway::GatewayResponse": Change(_put_again),
    "AWS::ApiGateway::Model": Change(_model, given=frozenset({"Name", "ContentType"})),
    "AWS::ApiGateway::RequestValidator": Change(_request_validator, given=frozenset({"Name"})),
    "AWS::ApiGateway::RestApi": Change(_rest_api, given=frozenset({"Name"})),
    "AWS::ApiGateway::Stage": Change(
        _anew, completes=frozenset({"MethodSettings", "AccessLogSetting"}), complete=_stage_settings
    ),
    "AWS::CloudFormation::Stack": Change(_nested_stack, given=frozenset({"StackName", "Outputs"})),
    "AWS::CloudWatch::Alarm": Change(
        _put_again, given=frozenset({"AlarmName"}), completes=frozenset({"Tags"}), complete=_alarm_tags
    ),
    "AWS::CloudWatch::CompositeAlarm": Change(
        _put_again, given=frozenset({"AlarmName"}), completes=frozenset({"Tags"}), complete=_alarm_tags
    ),
    "AWS::DynamoDB::Table": Change(
        change_table,
        given=frozenset({"TableName"}),
        takes=frozenset({
            "AttributeDefinitions", "BillingMode", "DeletionProtectionEnabled", "GlobalSecondaryIndexes",
            "PointInTimeRecoverySpecification", "ProvisionedThroughput", "SSESpecification", "StreamSpecification",
            "TableClass", "Tags", "TimeToLiveSpecification",
        }),
        completes=frozenset({"DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "TableClass"}),
    ),
    "AWS::Events::ApiDestination": Change(_api_destination),
    "AWS::Events::Connection": Change(_connection),
    "AWS::Events::EventBus": Change(
        _event_bus,
        takes=frozenset({"Policy", "Tags"}),
        completes=frozenset({"Policy"}),
        complete=_event_bus_policy,
    ),
    "AWS::Events::EventBusPolicy": Change(_anew),
    "AWS::Events::Rule": Change(_rule),
    "AWS::IAM::ManagedPolicy": Change(
        _managed_policy,
        given=frozenset({"ManagedPolicyName", "Id"}),
        takes=frozenset({"PolicyDocument", "Roles", "Users", "Groups"}),
    ),
    "AWS::IAM::User": Change(
        _user,
        given=frozenset({"UserName"}),
        takes=frozenset({"LoginProfile", "Policies"}),
        completes=frozenset({"LoginProfile", "Policies"}),
    ),
    "AWS::KMS::Alias": Change(_key_alias),
    "AWS::KMS::Key": Change(
        _key, takes=frozenset({"KeyPolicy", "Description", "EnableKeyRotation", "Enabled", "PendingWindowInDays"})
    ),
    "AWS::Kinesis::Stream": Change(
        streams.change_stream,
        given=frozenset({"ShardCount", "StreamModeDetails"}),
        takes=frozenset({"ShardCount", "StreamModeDetails", "RetentionPeriodHours", "StreamEncryption", "Tags"}),
    ),
    "AWS::Lambda::Alias": Change(_alias, takes=frozenset({"FunctionVersion", "Description", "RoutingConfig"})),
    "AWS::Lambda::EventInvokeConfig": Change(_put_again),
    "AWS::Lambda::Url": Change(_function_url),
    "AWS::Logs::LogGroup": Change(
        _log_group, takes=frozenset({"RetentionInDays", "Tags"}), completes=frozenset({"RetentionInDays"})
    ),
    "AWS::Logs::SubscriptionFilter": Change(_put_again),
    "AWS::S3::Bucket": Change(_bucket, completes=frozenset(SETTINGS), complete=complete_bucket),
    "AWS::S3::BucketPolicy": Change(_put_again),
    "AWS::SNS::TopicPolicy": Change(_topic_policy),
    "AWS::Scheduler::Schedule": Change(_schedule),
    "AWS::SecretsManager::ResourcePolicy": Change(_put_again),
    "AWS::SecretsManager::RotationSchedule": Change(_put_again),
    "AWS::SecretsManager::Secret": Change(
        _secret,
        takes=frozenset({"Description", "KmsKeyId", "SecretString", "GenerateSecretString", "Tags"}),
    ),
}  # fmt: skip
"""By resource type. The rest of those that LocalStack cannot change are refused with a reason."""
