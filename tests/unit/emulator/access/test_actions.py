"""The actions and resources that operations require, by AWS's service authorization reference.

https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import botocore.session
import pytest

from harness.emulator import services
from harness.emulator.access import actions, authorization_reference
from harness.emulator.access.actions import asked_by
from harness.emulator.access.operation import Operation

services.install_access()

ACCOUNT, REGION = "111111111111", "eu-west-1"
HERE = f"{REGION}:{ACCOUNT}"
SERVICES = (
    *("acm", "cloudformation", "cloudfront", "cloudwatch", "codecommit", "cognito-identity", "cognito-idp", "dynamodb"),
    *(
        "dynamodbstreams",
        "elasticache",
        "elbv2",
        "events",
        "firehose",
        "iam",
        "kinesis",
        "kms",
        "lambda",
        "logs",
        "pipes",
    ),
    *("rds", "rds-data", "route53", "s3", "scheduler", "secretsmanager", "ses", "sesv2", "sns", "sqs", "ssm"),
    *("stepfunctions", "sts", "xray"),
)
NOT_IN_THE_REFERENCE = {
    # Newer than the reference, or actions of other names with separate rules (`<service>/access.py`).
    "cloudfront": {"ListDistributionsByOwnedResource"},
    "cloudwatch": {"DescribeAlarmContributors"},
    "dynamodb": {
        "BatchExecuteStatement",
        "ExecuteStatement",
        "ExecuteTransaction",
        "TransactGetItems",
        "TransactWriteItems",
    },
    "iam": {"UpdateDelegationRequest"},
    "kms": {"ReEncrypt"},
    "s3": {
        "CreateBucketMetadataConfiguration",
        "CreateSession",
        "DeleteBucketMetadataConfiguration",
        "GetBucketMetadataConfiguration",
        "ListDirectoryBuckets",
        "RenameObject",
        "WriteGetObjectResponse",
    },
}


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_an_action_of_aws(service):
    model = botocore.session.get_session().get_service_model(service)
    known = authorization_reference.service(actions.prefix_of(service))
    assert known is not None
    signed = {o for o in model.operation_names if model.operation_model(o).auth_type != "none"}
    named = {o: actions.action_of(service, o).partition(":")[2] for o in signed}
    assert {o for o, a in named.items() if a not in known.actions} == NOT_IN_THE_REFERENCE.get(service, set())


def asked(service: str, name: str, **parameters) -> list[tuple[str, str]]:
    http = {k: parameters.pop(k) for k in ("method", "path", "headers") if k in parameters}
    found = asked_by(Operation(service, name, parameters, ACCOUNT, REGION, **http))
    assert all(a.mapped for a in found)
    return [(a.action, a.resource) for a in found]


@pytest.mark.parametrize(
    ("service", "name", "parameters", "expected"),
    [
        ("dynamodb", "PutItem", {"TableName": "t"}, [("dynamodb:PutItem", f"arn:aws:dynamodb:{HERE}:table/t")]),
        (
            "dynamodb",
            "Query",
            {"TableName": "t", "IndexName": "i"},
            [("dynamodb:Query", f"arn:aws:dynamodb:{HERE}:table/t/index/i")],
        ),
        ("dynamodb", "ListTables", {}, [("dynamodb:ListTables", "*")]),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "a"}}, {"ConditionCheck": {"TableName": "b"}}]},
            [
                ("dynamodb:PutItem", f"arn:aws:dynamodb:{HERE}:table/a"),
                ("dynamodb:ConditionCheckItem", f"arn:aws:dynamodb:{HERE}:table/b"),
            ],
        ),
        (
            "dynamodb",
            "ExecuteStatement",
            {"Statement": 'SELECT * FROM "t"."i" WHERE id = ?'},
            [("dynamodb:PartiQLSelect", f"arn:aws:dynamodb:{HERE}:table/t/index/i")],
        ),
        (
            "dynamodbstreams",
            "GetShardIterator",
            {"StreamArn": f"arn:aws:dynamodb:{HERE}:table/t/stream/2026-01-01T00:00:00.000", "ShardId": "shardId-1"},
            [("dynamodb:GetShardIterator", f"arn:aws:dynamodb:{HERE}:table/t/stream/2026-01-01T00:00:00.000")],
        ),
        (
            "dynamodbstreams",
            "GetRecords",
            {"ShardIterator": f"arn:aws:dynamodb:{HERE}:table/t/stream/2026-01-01T00:00:00.000|1|abc"},
            [("dynamodb:GetRecords", f"arn:aws:dynamodb:{HERE}:table/t/stream/2026-01-01T00:00:00.000")],
        ),
        (
            "sqs",
            "SendMessageBatch",
            {"QueueUrl": f"http://sqs.us-east-1.localhost.localstack.cloud:4566/{ACCOUNT}/q"},
            [("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")],
        ),
        ("sqs", "ListQueues", {}, [("sqs:ListQueues", "*")]),
        ("sns", "Publish", {"PhoneNumber": "+15550100"}, [("sns:Publish", "+15550100")]),
        ("sns", "CreateTopic", {"Name": "n"}, [("sns:CreateTopic", f"arn:aws:sns:{HERE}:n")]),
        (
            "elbv2",
            "CreateTargetGroup",
            {"Name": "g"},
            [("elasticloadbalancing:CreateTargetGroup", f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/g/*")],
        ),
        (
            "elbv2",
            "RegisterTargets",
            {"TargetGroupArn": f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/g/1"},
            [("elasticloadbalancing:RegisterTargets", f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/g/1")],
        ),
        (
            "events",
            "PutEvents",
            {"Entries": [{"EventBusName": "b"}, {}]},
            [
                ("events:PutEvents", f"arn:aws:events:{HERE}:event-bus/b"),
                ("events:PutEvents", f"arn:aws:events:{HERE}:event-bus/default"),
            ],
        ),
        (
            "events",
            "PutRule",
            {"Name": "r", "EventBusName": "b"},
            [("events:PutRule", f"arn:aws:events:{HERE}:rule/b/r")],
        ),
        ("events", "PutTargets", {"Rule": "r"}, [("events:PutTargets", f"arn:aws:events:{HERE}:rule/r")]),
        ("lambda", "Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:f")]),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "arn:aws:lambda:us-east-1:222222222222:function:f:live"},
            [("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:222222222222:function:f:live")],
        ),
        ("lambda", "ListFunctions", {}, [("lambda:ListFunctions", "*")]),
        ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
        (
            "s3",
            "GetObject",
            {"Bucket": "b", "Key": "k", "VersionId": "v"},
            [("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        (
            "s3",
            "CopyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "/from/a%20b"},
            [("s3:GetObject", "arn:aws:s3:::from/a b"), ("s3:PutObject", "arn:aws:s3:::b/k")],
        ),
        ("s3", "PutBucketPolicy", {"Bucket": "b"}, [("s3:PutBucketPolicy", "arn:aws:s3:::b")]),
        ("ssm", "GetParameter", {"Name": "/a/b:3"}, [("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/a/b")]),
        (
            "ssm",
            "GetParameters",
            {"Names": ["a", "/b"]},
            [("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/{n}") for n in "ab"],
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "/g", "logStreamName": "s"},
            [("logs:PutLogEvents", f"arn:aws:logs:{HERE}:log-group:/g:log-stream:s")],
        ),
        (
            "stepfunctions",
            "StartExecution",
            {"stateMachineArn": f"arn:aws:states:{HERE}:stateMachine:m"},
            [("states:StartExecution", f"arn:aws:states:{HERE}:stateMachine:m")],
        ),
        ("stepfunctions", "SendTaskSuccess", {"taskToken": "t"}, [("states:SendTaskSuccess", "*")]),
        (
            "scheduler",
            "CreateSchedule",
            {"Name": "s"},
            [("scheduler:CreateSchedule", f"arn:aws:scheduler:{HERE}:schedule/default/s")],
        ),
        (
            "cognito-idp",
            "AdminGetUser",
            {"UserPoolId": "eu-west-1_x"},
            [("cognito-idp:AdminGetUser", f"arn:aws:cognito-idp:{HERE}:userpool/eu-west-1_x")],
        ),
        ("kinesis", "PutRecord", {"StreamName": "s"}, [("kinesis:PutRecord", f"arn:aws:kinesis:{HERE}:stream/s")]),
        (
            "codecommit",
            "GetBranch",
            {"repositoryName": "r"},
            [("codecommit:GetBranch", f"arn:aws:codecommit:{HERE}:r")],
        ),
        ("xray", "PutTraceSegments", {}, [("xray:PutTraceSegments", "*")]),
        ("cloudwatch", "PutMetricData", {"Namespace": "n"}, [("cloudwatch:PutMetricData", "*")]),
        ("sts", "GetCallerIdentity", {}, []),
        (
            "apigateway",
            "GetRestApi",
            {"method": "GET", "path": "/restapis/a"},
            [("apigateway:GET", f"arn:aws:apigateway:{REGION}::/restapis/a")],
        ),
        (
            "apigatewaymanagementapi",
            "PostToConnection",
            {
                "method": "POST",
                "path": "/@connections/c%3D",
                "headers": {"x-harness-websocket-stage": f"arn:aws:execute-api:{HERE}:a/v1"},
            },
            [("execute-api:ManageConnections", f"arn:aws:execute-api:{HERE}:a/v1/POST/@connections/c=")],
        ),
    ],
)
def test_operation_needs_its_action_on_the_named_resource(service, name, parameters, expected):
    assert asked(service, name, **parameters) == expected


def test_unknown_resource_is_the_star_and_marked_unmapped():
    [found] = asked_by(Operation("rds", "ModifyDBCluster", {}, ACCOUNT, REGION))
    assert (found.resource, found.mapped) == ("*", False)
