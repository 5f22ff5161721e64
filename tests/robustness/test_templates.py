"""Templates and documents of any form are answered: too deep, endless, too large, from elsewhere. Nothing hangs, nothing is 500.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

import json
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, WaiterError

LAUGHS = "A: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{here.upper()}: &{here} [{', '.join([f'*{there}'] * 10)}]\n"
    for there, here in zip("abcdefgh", "bcdefghi", strict=True)
)
TOPIC = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n"
TEXTS = {
    "recursive anchor": (f"{TOPIC}    Metadata: &a\n      B: *a\n", "(line 5)"),
    "laughs": (LAUGHS + TOPIC, "(line 2)"),
    "flow levels": (f"{TOPIC}    Metadata: " + "[" * 3000 + "]" * 3000, "(line 4, column"),
    "block levels": ("".join(" " * depth + "a:\n" for depth in range(300)), "(line 101, column 101)"),
    "json levels": ('{"Resources": {"A": ' + '{"a":' * 3000 + "1" + "}" * 3002, "(line 1)"),
    "json quotes": ('{"Resources": "' + '\\"' * 25_000, "not well-formed"),
}


def refused(call, **parameters) -> dict[str, str]:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error.value.response["Error"]


@pytest.fixture
def bucket(aws):
    name = f"robust-{uuid4().hex[:12]}"
    aws("s3").create_bucket(Bucket=name)
    yield name
    for listed in aws("s3").list_objects_v2(Bucket=name).get("Contents", []):
        aws("s3").delete_object(Bucket=name, Key=listed["Key"])
    aws("s3").delete_bucket(Bucket=name)


@pytest.fixture
def calls(aws):
    """Every call that takes a template."""
    client, name = aws("cloudformation"), f"robust-{uuid4().hex[:12]}"
    return {
        "CreateStack": lambda **template: client.create_stack(StackName=name, **template),
        "CreateChangeSet": lambda **template: client.create_change_set(
            StackName=name, ChangeSetName="first", ChangeSetType="CREATE", **template
        ),
        "ValidateTemplate": client.validate_template,
        "GetTemplateSummary": client.get_template_summary,
        "CreateStackSet": lambda **template: client.create_stack_set(StackSetName=name, **template),
    }


@pytest.mark.parametrize("text", TEXTS)
def test_template_without_an_end_is_refused_with_its_line(calls, aws, bucket, engine, text):
    body, place = TEXTS[text]
    aws("s3").put_object(Bucket=bucket, Key="t.yaml", Body=body.encode())
    for name, call in calls.items():
        for template in ({"TemplateBody": body}, {"TemplateURL": f"{engine.endpoint_url}/{bucket}/t.yaml"}):
            if name == "CreateStackSet" and "TemplateURL" in template:
                continue  # read when its instances are created
            error = refused(call, **template)
            assert error["Code"] == "ValidationError", (name, error)
            assert place in error["Message"], (name, error)


def test_template_of_many_levels_that_are_allowed_is_deployed(aws):
    metadata: object = "x"
    for _ in range(85):
        metadata = {"a": metadata}
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Metadata": metadata}}}
    client, name = aws("cloudformation"), f"robust-{uuid4().hex[:12]}"
    client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    client.delete_stack(StackName=name)


def test_sizes_of_templates_are_held_to_the_limits(calls, aws, bucket, engine):
    large = TOPIC + "#" * 51_200
    for name, call in calls.items():
        assert "less than or equal to 51200" in refused(call, TemplateBody=large)["Message"], name
    aws("s3").put_object(Bucket=bucket, Key="large.yaml", Body=(TOPIC + "#" * 900_000).encode())
    aws("s3").put_object(Bucket=bucket, Key="larger.yaml", Body=(TOPIC + "#" * 1_000_000).encode())
    client = aws("cloudformation")
    client.validate_template(TemplateURL=f"{engine.endpoint_url}/{bucket}/large.yaml")
    error = refused(client.validate_template, TemplateURL=f"{engine.endpoint_url}/{bucket}/larger.yaml")
    assert error["Message"] == "Template may not exceed 1000000 bytes in size."


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://s3.amazonaws.com/bucket/key",
        "http://example.com/bucket/key",
        "https://s3.amazonaws.com.example.com/bucket/key",
        "http://8.8.8.8/bucket/key",
        "gopher://127.0.0.1:25/x",
        "/etc/passwd",
        "http://[::1",
        "s3://bucket/key",
    ],
)
def test_template_url_that_is_no_s3_object_is_refused(calls, url):
    for name, call in calls.items():
        error = refused(call, TemplateURL=url)
        assert error["Code"] == "ValidationError", (name, error)
        assert "must be a supported URL" in error["Message"] or "not a valid S3 domain" in error["Message"], (
            name,
            error,
        )


def test_template_url_of_s3_is_read_from_this_engine(aws, bucket, engine):
    aws("s3").put_object(Bucket=bucket, Key="folder/t.yaml", Body=TOPIC.encode())
    client = aws("cloudformation")
    for url in (
        f"{engine.endpoint_url}/{bucket}/folder/t.yaml",
        f"https://s3.amazonaws.com/{bucket}/folder/t.yaml",
        f"https://s3.us-east-1.amazonaws.com/{bucket}/folder/t.yaml",
        f"https://{bucket}.s3.amazonaws.com/folder/t.yaml",
        f"https://{bucket}.s3.eu-central-1.amazonaws.com/folder/t.yaml",
        f"http://{bucket}.s3.localhost.localstack.cloud:4566/folder/t.yaml",
    ):
        assert client.validate_template(TemplateURL=url)["Parameters"] == [], url
    missing = refused(client.validate_template, TemplateURL=f"https://s3.amazonaws.com/{bucket}/none.yaml")
    assert missing["Message"].startswith("S3 error: The specified key does not exist."), missing


@pytest.mark.parametrize(
    "resource",
    [
        "Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: 'file:///etc/passwd'}",
        "Type: AWS::Serverless::Application\n    Properties: {Location: 'http://example.com/a/b'}",
    ],
    ids=["nested stack", "application"],
)
def test_nested_template_from_elsewhere_fails_with_the_reason(aws, resource):
    client, name = aws("cloudformation"), f"robust-{uuid4().hex[:12]}"
    client.create_stack(
        StackName=name,
        TemplateBody=f"Transform: AWS::Serverless-2016-10-31\nResources:\n  Nested:\n    {resource}\n",
        Capabilities=["CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM"],
    )
    with pytest.raises(WaiterError):
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    [stack] = client.describe_stacks(StackName=name)["Stacks"]
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events] + [stack.get("StackStatusReason", "")]
    assert any("must be a supported URL" in reason for reason in reasons), reasons
    client.delete_stack(StackName=name)


def test_included_template_from_elsewhere_fails(aws):
    client, name = aws("cloudformation"), f"robust-{uuid4().hex[:12]}"
    include = (
        "    Properties:\n      Fn::Transform: {Name: 'AWS::Include', Parameters: {Location: 'file:///etc/passwd'}}\n"
    )
    client.create_stack(StackName=name, TemplateBody=TOPIC + include, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    with pytest.raises(WaiterError):
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    client.delete_stack(StackName=name)


DEEP = '{"a":' * 600 + "1" + "}" * 600
LEVELS = "".join(" " * depth + "a:\n" for depth in range(300))
DOCUMENTS = {
    "CreateRole": (
        "iam",
        "create_role",
        {"RoleName": "r", "AssumeRolePolicyDocument": DEEP},
        "MalformedPolicyDocument",
    ),
    "CreatePolicy": ("iam", "create_policy", {"PolicyName": "p", "PolicyDocument": DEEP}, "MalformedPolicyDocument"),
    "PutRule": ("events", "put_rule", {"Name": "r", "EventPattern": DEEP}, "InvalidEventPatternException"),
    "CreateStateMachine": (
        "stepfunctions",
        "create_state_machine",
        {"name": "m", "definition": DEEP, "roleArn": "arn:aws:iam::000000000000:role/r"},
        "InvalidDefinition",
    ),
    "ImportRestApi": ("apigateway", "import_rest_api", {"body": DEEP.encode()}, "BadRequestException"),
    "ImportRestApi of YAML": ("apigateway", "import_rest_api", {"body": LEVELS.encode()}, "BadRequestException"),
    "CreateTopic": ("sns", "create_topic", {"Name": "t", "Attributes": {"Policy": DEEP}}, "InvalidParameter"),
    "CreateQueue": ("sqs", "create_queue", {"QueueName": "q", "Attributes": {"Policy": DEEP}}, "InvalidAttributeValue"),
    "CreateKey": ("kms", "create_key", {"Policy": DEEP}, "MalformedPolicyDocumentException"),
    "CreateEventSourceMapping": (
        "lambda",
        "create_event_source_mapping",
        {"FunctionName": "f", "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:q"}
        | {"FilterCriteria": {"Filters": [{"Pattern": DEEP}]}},
        "InvalidParameterValueException",
    ),
}


@pytest.mark.parametrize("call", DOCUMENTS)
def test_document_of_many_levels_is_refused_by_its_service(aws, call):
    service, method, parameters, code = DOCUMENTS[call]
    client = aws(service)
    error = refused(getattr(client, method), **parameters)
    assert error["Code"] == code
    assert "nested more than 100 levels deep" in error["Message"]


def test_api_whose_anchors_stand_for_billions_is_refused(aws):
    for body in (LAUGHS, "openapi: 3.0.1\npaths: &a\n  /: *a\n"):
        error = refused(aws("apigateway").import_rest_api, body=body.encode())
        assert error["Code"] == "BadRequestException"
        assert "more than 200,000 values" in error["Message"]
