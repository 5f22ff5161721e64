"""What a template declares is there once the stack is, as the service itself says.

Each property is of its type's page in
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html.
"""

import json
import uuid

import pytest
from botocore.exceptions import ClientError, WaiterError

QUICKLY = {"Delay": 0.2, "MaxAttempts": 600}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
TAGS = [{"Key": "team", "Value": "lumen"}]


def _allow(action, resource="*", **more):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


def _arn(name):
    return {"Fn::GetAtt": [name, "Arn"]}


def _resource(kind, **properties):
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _resources(name, *, second=False):
    rules = [
        {
            "Id": "unfinished",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2 if second else 1},
        },
        {
            "Id": "old",
            "Status": "Enabled",
            "Prefix": "tmp/",
            "TagFilters": [{"Key": "kind", "Value": "draft"}],
            "ExpirationInDays": "30",
            "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": 60}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7, "NewerNoncurrentVersions": 2},
        },
    ]
    bus_policy = _allow(
        "events:PutEvents",
        {"Fn::GetAtt": ["Bus", "Arn"]},
        Sid="Neighbours",
        Principal={"AWS": "111111111111"},
    )
    # A policy cannot name the bus that it is part of by a reference.
    bus_policy["Statement"][0]["Resource"] = {
        "Fn::Sub": f"arn:aws:events:${{AWS::Region}}:${{AWS::AccountId}}:event-bus/{name}"
    }
    method = _resource(
        "ApiGateway::Method",
        RestApiId={"Ref": "Api"},
        ResourceId={"Fn::GetAtt": ["Api", "RootResourceId"]},
        HttpMethod="GET",
        AuthorizationType="NONE",
        Integration={"Type": "MOCK"},
    )
    stage = _resource(
        "ApiGateway::Stage",
        RestApiId={"Ref": "Api"},
        DeploymentId={"Ref": "Deployment"},
        StageName="v1",
        MethodSettings=[
            {
                "ResourcePath": "/*",
                "HttpMethod": "*",
                "ThrottlingBurstLimit": 5,
                "ThrottlingRateLimit": 2.5,
                "MetricsEnabled": True,
                "LoggingLevel": "INFO",
            },
            {"ResourcePath": "/albums/{id}", "HttpMethod": "GET", "DataTraceEnabled": True},
        ],
        AccessLogSetting={"DestinationArn": _arn("Logs"), "Format": "$context.requestId"},
    )
    bucket = _resource(
        "S3::Bucket",
        BucketName=name,
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": _arn("Key")},
                    "BucketKeyEnabled": True,
                }
            ]
        },
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": "true",
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        LifecycleConfiguration={"Rules": rules},
    )
    if second:
        del bucket["Properties"]["PublicAccessBlockConfiguration"]
    return {
        "Key": _resource(
            "KMS::Key",
            KeyPolicy=_allow("kms:*", Principal={"AWS": "*"}),
            EnableKeyRotation=True,
            RotationPeriodInDays=180,
        ),
        "Logs": _resource(
            "Logs::LogGroup",
            LogGroupName=f"/{name}",
            RetentionInDays=7,
            Tags=[{"Key": "team", "Value": "catalog"}] if second else TAGS,
        ),
        "Bucket": bucket,
        "Bus": _resource("Events::EventBus", Name=name, Description="All of them", Tags=TAGS, Policy=bus_policy),
        "Rule": _resource(
            "Events::Rule",
            Name=name,
            EventBusName={"Ref": "Bus"},
            EventPattern={"source": ["lumen"]},
            RoleArn=_arn("Role"),
            Tags=TAGS,
        ),
        "Role": _resource("IAM::Role", AssumeRolePolicyDocument=TRUST, Path="/lumen/", Tags=TAGS),
        "Policy": _resource(
            "IAM::ManagedPolicy",
            Path="/lumen/",
            Description="Sends",
            PolicyDocument=_allow("sqs:SendMessage"),
            Roles=[{"Ref": "Role"}],
        ),
        "User": _resource("IAM::User", Policies=[{"PolicyName": "sends", "PolicyDocument": _allow("sqs:SendMessage")}]),
        "Table": _resource(
            "DynamoDB::Table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            DeletionProtectionEnabled=not second,
        ),
        "Function": _resource(
            "Lambda::Function",
            Runtime="python3.11",
            Handler="index.handler",
            Role=_arn("Role"),
            Code={"ZipFile": "def handler(event, context): ..."},
            EphemeralStorage={"Size": 1024},
        ),
        "Permission": _resource(
            "Lambda::Permission",
            FunctionName={"Ref": "Function"},
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn=f"arn:aws:s3:::{name}",
            SourceAccount={"Ref": "AWS::AccountId"},
        ),
        "Subscription": _resource(
            "Logs::SubscriptionFilter",
            LogGroupName={"Ref": "Logs"},
            FilterName="errors",
            FilterPattern="ERROR",
            DestinationArn=_arn("Function"),
        )
        | {"DependsOn": "LogsPermission"},
        "LogsPermission": _resource(
            "Lambda::Permission",
            FunctionName={"Ref": "Function"},
            Action="lambda:InvokeFunction",
            Principal="logs.amazonaws.com",
        ),
        "Alarm": _resource(
            "CloudWatch::Alarm",
            AlarmName=name,
            Namespace="Lumen",
            MetricName="Errors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            Tags=TAGS,
        ),
        "Machine": _resource(
            "StepFunctions::StateMachine",
            RoleArn=_arn("Role"),
            DefinitionString=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
            Tags=TAGS,
            TracingConfiguration={"Enabled": True},
        ),
        "Api": _resource("ApiGateway::RestApi", Name=name, ApiKeySourceType="AUTHORIZER"),
        "Method": method,
        "Model": _resource(
            "ApiGateway::Model",
            RestApiId={"Ref": "Api"},
            Name="Album",
            Description="An album",
            Schema={"type": "object"},
        ),
        "Deployment": _resource("ApiGateway::Deployment", RestApiId={"Ref": "Api"}) | {"DependsOn": "Method"},
        "Stage": stage,
    }


@pytest.fixture(scope="module")
def name():
    return f"declared-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def stack(aws, name):
    """The stack's physical ids by logical id."""
    cloudformation = aws("cloudformation")
    template = json.dumps({"Resources": _resources(name)})
    cloudformation.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    try:
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=QUICKLY)
    except WaiterError:
        pytest.fail(str(cloudformation.describe_stack_events(StackName=name)["StackEvents"]))
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    made = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
    yield made
    aws("dynamodb").update_table(TableName=made["Table"], DeletionProtectionEnabled=False)
    cloudformation.delete_stack(StackName=name)


def test_a_bucket_has_its_encryption_and_its_access_settings(aws, stack, name):
    s3 = aws("s3")
    [rule] = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith(stack["Key"])
    assert rule["BucketKeyEnabled"] is True
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    owner = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert owner["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.usefixtures("stack")
def test_a_bucket_has_its_lifecycle(aws, name):
    unfinished, old = aws("s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert unfinished["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert old["Filter"] == {"And": {"Prefix": "tmp/", "Tags": [{"Key": "kind", "Value": "draft"}]}}
    assert old["Expiration"] == {"Days": 30}
    assert old["Transitions"] == [{"Days": 60, "StorageClass": "STANDARD_IA"}]
    assert old["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7, "NewerNoncurrentVersions": 2}


@pytest.mark.usefixtures("stack")
def test_log_group_has_retention_tags_and_filter_name(aws, name):
    logs = aws("logs")
    [group] = logs.describe_log_groups(logGroupNamePrefix=f"/{name}")["logGroups"]
    assert group["retentionInDays"] == 7
    assert logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"]["team"] == "lumen"
    [subscription] = logs.describe_subscription_filters(logGroupName=f"/{name}")["subscriptionFilters"]
    assert subscription["filterName"] == "errors"


@pytest.mark.usefixtures("stack")
def test_bus_and_rule_have_description_tags_role_and_policy(aws, name):
    events = aws("events")
    bus = events.describe_event_bus(Name=name)
    assert bus["Description"] == "All of them"
    [statement] = json.loads(bus["Policy"])["Statement"]
    assert (statement["Sid"], statement["Resource"]) == ("Neighbours", bus["Arn"])
    rule = events.describe_rule(Name=name, EventBusName=name)
    assert "/lumen/" in rule["RoleArn"]
    for arn in (bus["Arn"], rule["Arn"]):
        assert {"Key": "team", "Value": "lumen"} in events.list_tags_for_resource(ResourceARN=arn)["Tags"]


def test_identities_have_their_paths_and_policies(aws, stack):
    iam = aws("iam")
    assert ":policy/lumen/" in stack["Policy"]
    assert iam.get_policy(PolicyArn=stack["Policy"])["Policy"]["Description"] == "Sends"
    attached = iam.list_attached_role_policies(RoleName=stack["Role"])["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [stack["Policy"]]
    document = iam.get_user_policy(UserName=stack["User"], PolicyName="sends")["PolicyDocument"]
    assert document["Statement"][0]["Action"] == "sqs:SendMessage"


def test_a_key_is_rotated_as_often_as_it_says(aws, stack):
    rotation = aws("kms").get_key_rotation_status(KeyId=stack["Key"])
    assert (rotation["KeyRotationEnabled"], rotation["RotationPeriodInDays"]) == (True, 180)


def test_a_table_can_be_restored_and_not_be_deleted(aws, stack):
    dynamodb = aws("dynamodb")
    assert dynamodb.describe_table(TableName=stack["Table"])["Table"]["DeletionProtectionEnabled"] is True
    backups = dynamodb.describe_continuous_backups(TableName=stack["Table"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.delete_table(TableName=stack["Table"])


def test_function_has_storage_size_and_source_account_permission(aws, stack):
    functions = aws("lambda")
    assert functions.get_function_configuration(FunctionName=stack["Function"])["EphemeralStorage"] == {"Size": 1024}
    statements = json.loads(functions.get_policy(FunctionName=stack["Function"])["Policy"])["Statement"]
    [statement] = [one for one in statements if one["Principal"] == {"Service": "s3.amazonaws.com"}]
    assert statement["Condition"]["StringEquals"]["AWS:SourceAccount"]


def test_alarms_and_state_machines_have_their_tags(aws, stack, name):
    cloudwatch, machines = aws("cloudwatch"), aws("stepfunctions")
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert {"Key": "team", "Value": "lumen"} in cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    tags = machines.list_tags_for_resource(resourceArn=stack["Machine"])["tags"]
    assert {"key": "team", "value": "lumen"} in tags


def test_stage_has_method_settings_and_access_log(aws, stack, name):
    gateway = aws("apigateway")
    assert gateway.get_rest_api(restApiId=stack["Api"])["apiKeySource"] == "AUTHORIZER"
    assert gateway.get_model(restApiId=stack["Api"], modelName="Album")["description"] == "An album"
    stage = gateway.get_stage(restApiId=stack["Api"], stageName="v1")
    of_all = stage["methodSettings"]["*/*"]
    assert (of_all["throttlingBurstLimit"], of_all["throttlingRateLimit"]) == (5, 2.5)
    assert (of_all["metricsEnabled"], of_all["loggingLevel"]) == (True, "INFO")
    assert stage["methodSettings"]["~1albums~1{id}/GET"]["dataTraceEnabled"] is True
    assert stage["accessLogSettings"]["format"] == "$context.requestId"
    assert stage["accessLogSettings"]["destinationArn"].endswith(f":log-group:/{name}")


def test_stack_update_applies_changes_and_delete_leaves_nothing(aws, name):
    """A separate stack. Its deletion leaves nothing behind."""
    mine = f"{name}-changed"
    cloudformation, s3 = aws("cloudformation"), aws("s3")
    kept = ("Key", "Logs", "Bucket", "Table")
    for second, action in ((False, "create"), (True, "update")):
        resources = {one: each for one, each in _resources(mine, second=second).items() if one in kept}
        getattr(cloudformation, f"{action}_stack")(StackName=mine, TemplateBody=json.dumps({"Resources": resources}))
        cloudformation.get_waiter(f"stack_{action}_complete").wait(StackName=mine, WaiterConfig=QUICKLY)
    [unfinished, _] = s3.get_bucket_lifecycle_configuration(Bucket=mine)["Rules"]
    assert unfinished["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket=mine)
    [group] = aws("logs").describe_log_groups(logGroupNamePrefix=f"/{mine}")["logGroups"]
    tags = aws("logs").list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"]
    assert tags["team"] == "catalog"
    cloudformation.delete_stack(StackName=mine)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=mine, WaiterConfig=QUICKLY)
    with pytest.raises(ClientError, match=r"404|NoSuchBucket"):
        s3.head_bucket(Bucket=mine)
