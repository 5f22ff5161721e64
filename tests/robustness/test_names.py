"""Names that AWS refuses are refused when the resource is made, with AWS's error, and nothing is made."""

import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/nobody"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def archive():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("index.py", "def handler(event, context): pass")
    return content.getvalue()


def create_table(aws, name):
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def create_function(aws, name):
    aws("lambda").create_function(
        FunctionName=name, Runtime="python3.13", Handler="index.handler", Role=ROLE, Code={"ZipFile": archive()}
    )


MAKERS = {
    "table": (create_table, "ValidationException", lambda aws: aws("dynamodb").list_tables()["TableNames"]),
    "function": (create_function, "ValidationException", lambda aws: aws("lambda").list_functions()["Functions"]),
    "layer": (
        lambda aws, name: aws("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": archive()}),
        "ValidationException",
        lambda aws: aws("lambda").list_layers()["Layers"],
    ),
    "log group": (
        lambda aws, name: aws("logs").create_log_group(logGroupName=name),
        "InvalidParameterException",
        lambda aws: aws("logs").describe_log_groups()["logGroups"],
    ),
    "stack": (
        lambda aws, name: aws("cloudformation").create_stack(StackName=name, TemplateBody="Resources: {}"),
        "ValidationError",
        lambda aws: [s["StackName"] for s in aws("cloudformation").list_stacks()["StackSummaries"]],
    ),
    "change set": (
        lambda aws, name: aws("cloudformation").create_change_set(
            StackName=name, ChangeSetName="made", ChangeSetType="CREATE", TemplateBody="Resources: {}"
        ),
        "ValidationError",
        lambda aws: [s["StackName"] for s in aws("cloudformation").list_stacks()["StackSummaries"]],
    ),
    "role": (
        lambda aws, name: aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST),
        "ValidationError",
        lambda aws: [r["RoleName"] for r in aws("iam").list_roles()["Roles"]],
    ),
    "rule": (
        lambda aws, name: aws("events").put_rule(Name=name, EventPattern='{"source": ["x"]}'),
        "ValidationException",
        lambda aws: [r["Name"] for r in aws("events").list_rules()["Rules"]],
    ),
    "event bus": (
        lambda aws, name: aws("events").create_event_bus(Name=name),
        "ValidationException",
        lambda aws: [b["Name"] for b in aws("events").list_event_buses()["EventBuses"]],
    ),
    "schedule": (
        lambda aws, name: aws("scheduler").create_schedule(
            Name=name,
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": ROLE},
        ),
        "ValidationException",
        lambda aws: [s["Name"] for s in aws("scheduler").list_schedules()["Schedules"]],
    ),
    "stream": (
        lambda aws, name: aws("kinesis").create_stream(StreamName=name, ShardCount=1),
        "ValidationException",
        lambda aws: aws("kinesis").list_streams()["StreamNames"],
    ),
    "key alias": (
        lambda aws, name: aws("kms").create_alias(
            AliasName=f"alias/{name}", TargetKeyId=aws("kms").create_key()["KeyMetadata"]["KeyId"]
        ),
        "ValidationException",
        lambda aws: [a["AliasName"] for a in aws("kms").list_aliases()["Aliases"]],
    ),
    "user pool": (
        lambda aws, name: aws("cognito-idp").create_user_pool(PoolName=name),
        "InvalidParameterException",
        lambda aws: [p["Name"] for p in aws("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]],
    ),
    "queue": (
        lambda aws, name: aws("sqs").create_queue(QueueName=name),
        "InvalidParameterValue",
        lambda aws: aws("sqs").list_queues().get("QueueUrls", []),
    ),
    "topic": (
        lambda aws, name: aws("sns").create_topic(Name=name),
        "InvalidParameter",
        lambda aws: [t["TopicArn"] for t in aws("sns").list_topics()["Topics"]],
    ),
    "secret": (
        lambda aws, name: aws("secretsmanager").create_secret(Name=name, SecretString="x"),
        "ValidationException",
        lambda aws: [s["Name"] for s in aws("secretsmanager").list_secrets()["SecretList"]],
    ),
    "parameter": (
        lambda aws, name: aws("ssm").put_parameter(Name=name, Value="x", Type="String"),
        "ValidationException",
        lambda aws: [p["Name"] for p in aws("ssm").describe_parameters()["Parameters"]],
    ),
    "state machine": (
        lambda aws, name: aws("stepfunctions").create_state_machine(
            name=name, definition='{"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}', roleArn=ROLE
        ),
        "InvalidName",
        lambda aws: [m["name"] for m in aws("stepfunctions").list_state_machines()["stateMachines"]],
    ),
}
"""By kind of resource: what makes one, the code of AWS's refusal, and what lists them."""

ILLEGAL = ("..<script>", "semi;colon", "null\x00byte", 'quo"te', "a" * 2000, "per%cent", "*?")
"""In no service's names."""
MEANT_FOR_OTHERS = ("a b", "a/../b", "../../etc/passwd", "$(x)", "'; DROP", "new\nline", "ünïcödé ☃")
"""Some services have names with slashes, blanks or letters of all languages; these have not."""
PLAIN = ("table", "function", "layer", "stack", "role", "stream", "queue")


@pytest.mark.parametrize("kind", MAKERS)
def test_illegal_name_is_refused_without_effect(aws, kind):
    names = ILLEGAL + (MEANT_FOR_OTHERS if kind in PLAIN else ())
    make, code, listed = MAKERS[kind]
    answers = {}
    for name in names:
        with pytest.raises(ClientError) as refused:
            make(aws, name)
        response = refused.value.response
        answers[name] = response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
    assert answers == dict.fromkeys(names, (code, 400))
    # Other tests make and delete things of this kind meanwhile.
    assert not [each for each in listed(aws) if any(name in text for name in names for text in _texts(each))]


def _texts(listed):
    """The texts of an entry of a listing, which is a name or what is known of a thing."""
    values = listed.values() if isinstance(listed, dict) else (listed,)
    return [value for value in values if isinstance(value, str)]


@pytest.mark.parametrize("name", [".", ".."])
def test_function_named_like_a_folder_is_refused(aws, name):
    with pytest.raises(ClientError) as refused:
        create_function(aws, name)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
