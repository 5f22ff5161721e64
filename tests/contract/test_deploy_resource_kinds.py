"""Resources that outlive their stack are removed by themselves, whatever protects or fills them."""

import io
import uuid
import zipfile

import pytest
from botocore.exceptions import ClientError

from harness.deploy import resource_kinds


@pytest.fixture
def name():
    return f"left-{uuid.uuid4().hex[:12]}"


def make_table(aws, name):
    return aws("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", DeletionProtectionEnabled=True,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )["TableDescription"]["TableArn"]  # fmt: skip


def make_user_pool(aws, name):
    cognito = aws("cognito-idp")
    pool = cognito.create_user_pool(PoolName=name, DeletionProtection="ACTIVE")["UserPool"]
    cognito.create_user_pool_domain(UserPoolId=pool["Id"], Domain=name)
    return pool["Arn"]


def make_bucket(aws, name):
    s3 = aws("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="before versions", Body=b"0")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=name, Key="ö/picture", Body=body)
    s3.delete_object(Bucket=name, Key="ö/picture")
    s3.create_multipart_upload(Bucket=name, Key="film")
    return f"arn:aws:s3:::{name}"


def make_log_group(aws, name):
    aws("logs").create_log_group(logGroupName=f"/{name}/log")
    return aws("logs").describe_log_groups(logGroupNamePrefix=f"/{name}/")["logGroups"][0]["arn"]


def make_queue(aws, name):
    url = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    return aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def make_topic(aws, name):
    return aws("sns").create_topic(Name=name)["TopicArn"]


def make_secret(aws, name):
    return aws("secretsmanager").create_secret(Name=name, SecretString="x")["ARN"]


def make_function(aws, name):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): ...")
    function = aws("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", Code={"ZipFile": code.getvalue()},
        Role="arn:aws:iam::000000000000:role/any",
    )  # fmt: skip
    return function["FunctionArn"]


MAKERS = {
    "AWS::Cognito::UserPool": make_user_pool,
    "AWS::DynamoDB::Table": make_table,
    "AWS::Lambda::Function": make_function,
    "AWS::Logs::LogGroup": make_log_group,
    "AWS::S3::Bucket": make_bucket,
    "AWS::SNS::Topic": make_topic,
    "AWS::SQS::Queue": make_queue,
    "AWS::SecretsManager::Secret": make_secret,
}


@pytest.mark.parametrize("type_", MAKERS)
def test_resource_removal_by_arn_is_none_the_second_time(engine, aws, name, type_):
    arn = MAKERS[type_](aws, name)
    kind, physical_id = resource_kinds.kind_of_arn(arn)
    assert kind.type == type_
    assert resource_kinds.remove(engine, kind, physical_id) == "deleted"
    assert resource_kinds.remove(engine, kind, physical_id) is None


def test_a_bucket_that_is_not_emptied_could_not_be_deleted(engine, aws, name):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html: all objects, including all object versions and
    delete markers, must be deleted first."""
    make_bucket(aws, name)
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        aws("s3").delete_bucket(Bucket=name)
    resource_kinds.empty_bucket(engine, name)
    assert "Uploads" not in aws("s3").list_multipart_uploads(Bucket=name)
    aws("s3").delete_bucket(Bucket=name)


def test_key_is_scheduled_for_deletion_in_seven_days_only_once(engine, aws):
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html: 7 to 30 days."""
    kms = aws("kms")
    metadata = kms.create_key()["KeyMetadata"]
    kind, key_id = resource_kinds.kind_of_arn(metadata["Arn"])
    done = resource_kinds.remove(engine, kind, key_id)
    described = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert described["KeyState"] == "PendingDeletion"
    assert 6 <= (described["DeletionDate"] - metadata["CreationDate"]).days <= 7
    assert done == f"scheduled for deletion on {described['DeletionDate']:%Y-%m-%d}"
    assert resource_kinds.remove(engine, kind, key_id) is None


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:dynamodb:us-east-1:000000000000:table/orders/index/by-day",
        "arn:aws:s3:::bucket/key",
        "arn:aws:events:us-east-1:000000000000:event-bus/lumen",
    ],
)
def test_an_arn_of_something_else_is_of_no_kind(arn):
    assert resource_kinds.kind_of_arn(arn) is None


def test_service_log_groups_are_found_by_stack_resources(engine, aws, name):
    for group in (
        f"/aws/lambda/{name}",
        f"API-Gateway-Execution-Logs_{name}/v1",
        f"API-Gateway-Execution-Logs_{name}x/v1",
    ):
        aws("logs").create_log_group(logGroupName=group)
    resources = {
        "AWS::Lambda::Function": {name},
        "AWS::ApiGateway::RestApi": {name},
        "AWS::SNS::Topic": {f"arn:aws:sns:us-east-1:000000000000:{name}"},
        "AWS::SQS::Queue": {name},
    }
    found = list(resource_kinds.own_log_groups(engine, resources))
    assert f"API-Gateway-Execution-Logs_{name}x/v1" not in found, "another API's"
    assert found == [
        f"/aws/lambda/{name}",
        f"API-Gateway-Execution-Logs_{name}/v1",
        f"sns/us-east-1/000000000000/{name}",
        f"sns/us-east-1/000000000000/{name}/Failure",
    ]
    for group in aws("logs").describe_log_groups()["logGroups"]:
        if name in group["logGroupName"]:
            aws("logs").delete_log_group(logGroupName=group["logGroupName"])


def test_removal_refused_for_another_reason_raises(engine, aws, name):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html: a version in governance mode stays."""
    s3 = aws("s3")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    locked = s3.put_object(
        Bucket=name,
        Key="kept",
        Body=b"x",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate="2099-01-01T00:00:00Z",
    )["VersionId"]
    kind, bucket = resource_kinds.kind_of_arn(f"arn:aws:s3:::{name}")
    with pytest.raises(ClientError, match=r"AccessDenied.*kept: "):
        resource_kinds.remove(engine, kind, bucket)
    s3.delete_object(Bucket=name, Key="kept", VersionId=locked, BypassGovernanceRetention=True)
    assert resource_kinds.remove(engine, kind, bucket) == "deleted"
