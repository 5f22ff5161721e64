"""The refusal of each service: its code, its status, its words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

import pytest

from tests.contract.access.conftest import allow, refused

HERE = "us-east-1:000000000000"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code", "status", "words"),
    [
        (
            "dynamodb",
            "put_item",
            {"TableName": "t", "Item": {"id": {"S": "1"}}},
            "AccessDeniedException",
            400,
            f"dynamodb:PutItem on resource: arn:aws:dynamodb:{HERE}:table/t because no identity-based policy allows the "
            "dynamodb:PutItem action",
        ),
        (
            "lambda",
            "invoke",
            {"FunctionName": "f"},
            "AccessDeniedException",
            403,
            f"lambda:InvokeFunction on resource: arn:aws:lambda:{HERE}:function:f because no identity-based policy allows "
            "the lambda:InvokeFunction action",
        ),
        (
            "sns",
            "publish",
            {"TopicArn": f"arn:aws:sns:{HERE}:t", "Message": "m"},
            "AuthorizationError",
            403,
            f"SNS:Publish on resource: arn:aws:sns:{HERE}:t because no identity-based policy allows the SNS:Publish action",
        ),
        (
            "sqs",
            "send_message",
            {"QueueUrl": "http://localhost/000000000000/q", "MessageBody": "m"},
            "AccessDenied",
            403,
            f"sqs:sendmessage on resource: arn:aws:sqs:{HERE}:q because no identity-based policy allows the "
            "sqs:sendmessage action",
        ),
        (
            "events",
            "put_events",
            {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]},
            "AccessDeniedException",
            400,
            f"events:PutEvents on resource: arn:aws:events:{HERE}:event-bus/default because no identity-based policy allows "
            "the events:PutEvents action",
        ),
        (
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": f"arn:aws:states:{HERE}:stateMachine:m"},
            "AccessDeniedException",
            400,
            f"states:StartExecution on resource: arn:aws:states:{HERE}:stateMachine:m because no identity-based policy "
            "allows the states:StartExecution action",
        ),
        (
            "ssm",
            "get_parameter",
            {"Name": "/a/b"},
            "AccessDeniedException",
            400,
            f"ssm:GetParameter on resource: arn:aws:ssm:{HERE}:parameter/a/b because no identity-based policy allows the "
            "ssm:GetParameter action",
        ),
        (
            "logs",
            "put_log_events",
            {"logGroupName": "/g", "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "m"}]},
            "AccessDeniedException",
            400,
            f"logs:PutLogEvents on resource: arn:aws:logs:{HERE}:log-group:/g:log-stream:s because no identity-based policy "
            "allows the logs:PutLogEvents action",
        ),
        (
            "kinesis",
            "put_record",
            {"StreamName": "s", "Data": b"x", "PartitionKey": "k"},
            "AccessDeniedException",
            400,
            f"kinesis:PutRecord on resource: arn:aws:kinesis:{HERE}:stream/s because no identity-based policy allows the "
            "kinesis:PutRecord action",
        ),
        (
            "cognito-idp",
            "admin_get_user",
            {"UserPoolId": "us-east-1_x", "Username": "u"},
            "AccessDeniedException",
            400,
            f"cognito-idp:AdminGetUser on resource: arn:aws:cognito-idp:{HERE}:userpool/us-east-1_x because no "
            "identity-based policy allows the cognito-idp:AdminGetUser action",
        ),
        (
            "s3",
            "list_objects_v2",
            {"Bucket": "no-such-bucket-here"},
            "AccessDenied",
            403,
            's3:ListBucket on resource: "arn:aws:s3:::no-such-bucket-here" because no identity-based policy allows the '
            "s3:ListBucket action",
        ),
        (
            "iam",
            "list_roles",
            {},
            "AccessDenied",
            403,
            "iam:ListRoles on resource: * because no identity-based policy allows the iam:ListRoles action",
        ),
        (
            "apigateway",
            "get_rest_apis",
            {},
            "AccessDeniedException",
            403,
            "apigateway:GET on resource: arn:aws:apigateway:us-east-1::/restapis because no identity-based policy allows the "
            "apigateway:GET action",
        ),
    ],
)
def test_a_service_refuses_in_its_own_words(role, service, operation, parameters, code, status, words):
    nobody = role(allow("ec2:DescribeInstances"))
    answer = refused(getattr(nobody.client(service), operation), **parameters)
    assert answer == (code, status, f"User: {nobody.session_arn} is not authorized to perform: {words}")


def test_ses_denial_message_has_ses_quotes(role):
    nobody = role(allow("ec2:DescribeInstances"))
    answer = refused(
        nobody.client("ses").send_email,
        Source="Ann <ann@example.com>",
        Destination={"ToAddresses": ["bob@example.com"]},
        Message={"Subject": {"Data": "s"}, "Body": {}},
    )
    assert answer == (
        "AccessDenied",
        403,
        f"User `{nobody.session_arn}' is not authorized to perform `ses:SendEmail' on resource "
        f"`arn:aws:ses:{HERE}:identity/ann@example.com'",
    )
