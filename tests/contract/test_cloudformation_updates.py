"""An update of a stack changes the existing resources
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html)."""

import json
import uuid

import pytest
from botocore.exceptions import WaiterError

QUICKLY = {"Delay": 0.2, "MaxAttempts": 600}
CODE = "def handler(event, context): return 'one'\n"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}  # fmt: skip  # noqa: E501


def _statement(action, resource, **principal):
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **principal}],
    }


def _template(second):
    """Every resource with other properties the second time."""

    def one_or_other(one, other):
        return other if second else one

    function = {"Ref": "Function"}
    attribute = {"AttributeType": "S"}
    return {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Other": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": [one_or_other("first", "second")]},
                "State": one_or_other("ENABLED", "DISABLED"),
                "Targets": [{"Id": one_or_other("a", "b"), "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}],
            },
        },
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "ManagedPolicy": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "PolicyDocument": _statement(one_or_other("sqs:SendMessage", "sqs:ReceiveMessage"), "*"),
                "Roles": one_or_other([], [{"Ref": "Role"}]),
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.11", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": CODE},
            },
        },
        "Retries": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {"FunctionName": function, "Qualifier": "$LATEST", "MaximumRetryAttempts": one_or_other(0, 1)},
        },
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "Maximum",
                "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Period": 60,
                "Threshold": one_or_other(1, 5),
            },
        },
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": one_or_other(
                {
                    "VersioningConfiguration": {"Status": "Enabled"},
                    "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
                },
                {"CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}]}},
            ),
        },
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Bucket"},
                "PolicyDocument": _statement(
                    one_or_other("s3:GetObject", "s3:PutObject"), {"Fn::Sub": "${Bucket.Arn}/*"}, Principal="*"
                ),
            },
        },
        "Schedule": {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "ScheduleExpression": one_or_other("rate(1 hour)", "rate(1 day)"),
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {"Arn": {"Fn::GetAtt": ["Queue", "Arn"]}, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}},
            },
        },
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"Description": one_or_other("first", "second")}},
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": one_or_other("first", "second")}},
        "Generated": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Description": one_or_other("first", "second"), "GenerateSecretString": {"PasswordLength": 20}},
        },
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": one_or_other(7, 30)}},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [
                    {"AttributeName": name, **attribute} for name in one_or_other(["id"], ["id", "owner"])
                ],
                "BillingMode": "PAY_PER_REQUEST",
                **one_or_other(
                    {},
                    {
                        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
                        "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires"},
                        "GlobalSecondaryIndexes": [
                            {
                                "IndexName": "owners",
                                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                                "Projection": {"ProjectionType": "ALL"},
                            }
                        ],
                    },
                ),
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
                "FilterPolicy": {"kind": [one_or_other("first", "second")]},
            },
        },
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "Topic"}],
                "PolicyDocument": _statement(
                    "sns:Publish", {"Ref": "Topic"}, Principal={"Service": one_or_other("events", "s3") + ".amazonaws.com"}
                ),
            },
        },
    }  # fmt: skip


class FailedError(Exception):
    pass


@pytest.fixture(scope="module")
def deploy(aws):
    """`deploy(name, resources)` creates a stack or updates it, by a change set as the harness does; its physical ids."""
    cloudformation, made = aws("cloudformation"), []

    def put(name, resources):
        kind = "UPDATE" if name in made else "CREATE"
        made.append(name)
        change_set = {"StackName": name, "ChangeSetName": f"c{uuid.uuid4().hex}"}
        cloudformation.create_change_set(
            **change_set,
            ChangeSetType=kind,
            TemplateBody=json.dumps({"Resources": resources}),
            Capabilities=["CAPABILITY_IAM"],
        )
        cloudformation.get_waiter("change_set_create_complete").wait(**change_set, WaiterConfig=QUICKLY)
        cloudformation.execute_change_set(**change_set)
        while (status := cloudformation.describe_change_set(**change_set)["ExecutionStatus"]) != "EXECUTE_COMPLETE":
            if status == "EXECUTE_FAILED":
                events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
                raise FailedError(
                    [e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"] == "UPDATE_FAILED"]
                )
        found = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}

    yield put
    for name in dict.fromkeys(made):
        cloudformation.delete_stack(StackName=name)


@pytest.fixture(scope="module")
def before_and_after(deploy, aws):
    name = f"updates-{uuid.uuid4().hex[:8]}"
    before = deploy(name, _template(second=False))
    password = aws("secretsmanager").get_secret_value(SecretId=before["Generated"])["SecretString"]
    return before, deploy(name, _template(second=True)), password


@pytest.fixture
def ids(before_and_after):
    return before_and_after[1]


def test_a_resource_that_is_changed_stays_the_same(before_and_after):
    before, after, _ = before_and_after
    assert before == after


def test_a_rule_has_its_new_pattern_state_and_targets(ids, aws):
    name = ids["Rule"].rpartition("|")[2]
    rule = aws("events").describe_rule(Name=name)
    assert (json.loads(rule["EventPattern"]), rule["State"]) == ({"source": ["second"]}, "DISABLED")
    assert [target["Id"] for target in aws("events").list_targets_by_rule(Rule=name)["Targets"]] == ["b"]


def test_an_alarm_has_its_new_threshold(ids, aws):
    [alarm] = aws("cloudwatch").describe_alarms(AlarmNames=[ids["Alarm"]])["MetricAlarms"]
    assert alarm["Threshold"] == 5


def test_bucket_update_adds_new_and_removes_old_settings(ids, aws):
    s3, bucket = aws("s3"), ids["Bucket"]
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"][0]["AllowedOrigins"] == ["https://a.example"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert "s3:PutObject" in s3.get_bucket_policy(Bucket=bucket)["Policy"]


def test_a_table_has_its_stream_its_index_and_its_time_to_live(ids, aws):
    dynamodb, table = aws("dynamodb"), ids["Table"]
    described = dynamodb.describe_table(TableName=table)["Table"]
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["owners"]
    lives = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (lives["TimeToLiveStatus"], lives["AttributeName"]) == ("ENABLED", "expires")


def test_a_secret_has_its_new_value_and_a_generated_one_stays(before_and_after, aws):
    _, ids, password = before_and_after
    secrets = aws("secretsmanager")
    assert secrets.get_secret_value(SecretId=ids["Secret"])["SecretString"] == "second"
    assert secrets.get_secret_value(SecretId=ids["Generated"])["SecretString"] == password
    assert secrets.describe_secret(SecretId=ids["Generated"])["Description"] == "second"


def test_update_changes_policies_schedules_logs_keys_functions(ids, aws):
    iam, arn = aws("iam"), ids["ManagedPolicy"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == "sqs:ReceiveMessage"
    attached = iam.list_attached_role_policies(RoleName=ids["Role"])["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [arn]
    assert aws("scheduler").get_schedule(Name=ids["Schedule"])["ScheduleExpression"] == "rate(1 day)"
    [group] = aws("logs").describe_log_groups(logGroupNamePrefix=ids["Logs"])["logGroups"]
    assert group["retentionInDays"] == 30
    assert aws("kms").describe_key(KeyId=ids["Key"])["KeyMetadata"]["Description"] == "second"
    settings = aws("lambda").get_function_event_invoke_config(FunctionName=ids["Function"], Qualifier="$LATEST")
    assert settings["MaximumRetryAttempts"] == 1
    sns = aws("sns")
    assert "s3.amazonaws.com" in sns.get_topic_attributes(TopicArn=ids["Topic"])["Attributes"]["Policy"]
    filters = sns.get_subscription_attributes(SubscriptionArn=ids["Subscription"])["Attributes"]["FilterPolicy"]
    assert json.loads(filters) == {"kind": ["second"]}


def test_unsupported_update_fails_with_the_reason(deploy):
    name = f"updates-{uuid.uuid4().hex[:8]}"
    user = {"Type": "AWS::IAM::User", "Properties": {"Path": "/a/"}}
    deploy(name, {"User": user})
    said = r"Path cannot be changed here of a resource that is there\. Start afresh"
    with pytest.raises(FailedError, match=said):
        deploy(name, {"User": {**user, "Properties": {"Path": "/b/"}}})


def test_an_update_that_failed_is_not_complete(deploy, aws):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html"""
    name = f"updates-{uuid.uuid4().hex[:8]}"
    user = {"Type": "AWS::IAM::User", "Properties": {"Path": "/a/"}}
    deploy(name, {"User": user})
    changed = json.dumps({"Resources": {"User": {**user, "Properties": {"Path": "/b/"}}}})
    aws("cloudformation").update_stack(StackName=name, TemplateBody=changed, Capabilities=["CAPABILITY_NAMED_IAM"])
    with pytest.raises(WaiterError):
        aws("cloudformation").get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=QUICKLY)


def test_an_update_that_fails_is_rolled_back(deploy, aws):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html"""
    name = f"updates-{uuid.uuid4().hex[:8]}"

    def template(source, path):
        rule = {"EventPattern": {"source": [source]}}
        return {
            "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
            "User": {"Type": "AWS::IAM::User", "DependsOn": "Rule", "Properties": {"Path": path}},
        }

    first = {**template("first", "/a/"), "Old": {"Type": "AWS::SQS::Queue"}}
    new = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{name}-new"}}
    ids = deploy(name, first)
    with pytest.raises(FailedError):
        deploy(name, {"New": new, **template("second", "/b/")})
    [stack] = aws("cloudformation").describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    sources = lambda: json.loads(  # noqa: E731
        aws("events").describe_rule(Name=ids["Rule"].rpartition("|")[2])["EventPattern"]
    )["source"]
    assert sources() == ["first"]
    assert aws("sqs").get_queue_attributes(QueueUrl=ids["Old"], AttributeNames=["QueueArn"])["Attributes"]
    assert "QueueUrls" not in aws("sqs").list_queues(QueueNamePrefix=f"{name}-new")
    # It is as it was, so that what is right now is an update of it.
    after = deploy(name, {"New": new, **template("third", "/a/")})
    assert (after["Rule"], after["User"], sources()) == (ids["Rule"], ids["User"], ["third"])
    assert set(after) == {"New", "Rule", "User"}


def test_a_nested_stack_is_updated_with_its_parent(deploy, aws):
    name, s3 = f"updates-{uuid.uuid4().hex[:8]}", aws("s3")
    s3.create_bucket(Bucket=name)
    for number in ("7", "30"):
        inner = {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": int(number)}}}}
        inner["Outputs"] = {"Days": {"Value": number}, "Group": {"Value": {"Ref": "Logs"}}}
        s3.put_object(Bucket=name, Key=number, Body=json.dumps(inner))
        url = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": number}).partition("?")[0]
        parameter = {"Type": "String", "Value": {"Fn::GetAtt": ["Inner", "Outputs.Days"]}}
        ids = deploy(
            name,
            {
                "Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}},
                "Days": {"Type": "AWS::SSM::Parameter", "Properties": parameter},
            },
        )
    [described] = aws("cloudformation").describe_stacks(StackName=ids["Inner"])["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    assert outputs["Days"] == "30"
    [group] = aws("logs").describe_log_groups(logGroupNamePrefix=outputs["Group"])["logGroups"]
    assert group["retentionInDays"] == 30
    assert aws("ssm").get_parameter(Name=ids["Days"])["Parameter"]["Value"] == "30"
