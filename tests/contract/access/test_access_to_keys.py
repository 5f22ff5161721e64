"""What is encrypted with a key of the customer's is used by those who may use the key.

https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
"""

import json
from uuid import uuid4

import pytest

from tests.contract.access.conftest import allow, document, name, refused

ACCOUNT = {"AWS": "arn:aws:iam::000000000000:root"}
ADMINISTRATION = {"Principal": ACCOUNT, "Action": "kms:*", "Resource": "*"}


@pytest.fixture
def key(aws):
    """The ARN of a key that the policies of its account are about."""
    return aws("kms").create_key(Policy=document(ADMINISTRATION))["KeyMetadata"]["Arn"]


def test_encrypted_queue_needs_permission_on_its_key(aws, key, queue, role):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html"""
    mine = queue()
    aws("sqs").set_queue_attributes(QueueUrl=mine.url, Attributes={"KmsMasterKeyId": key})
    worker = role(allow("sqs:*", mine.arn))
    sqs = worker.client("sqs")
    code, _, message = refused(sqs.send_message, QueueUrl=mine.url, MessageBody="x")
    assert "KMS" in code
    assert f"is not authorized to perform: kms:GenerateDataKey on resource: {key} because no identity-based" in message
    through = {"StringEquals": {"kms:ViaService": "sqs.us-east-1.amazonaws.com"}}
    worker.may(allow("sqs:*", mine.arn), allow(["kms:GenerateDataKey", "kms:Decrypt"], key, Condition=through))
    sqs.send_message(QueueUrl=mine.url, MessageBody="x")
    assert sqs.receive_message(QueueUrl=mine.url, WaitTimeSeconds=5)["Messages"]


def test_encrypted_secret_needs_permission_on_its_key(aws, key, role):
    """https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html"""
    secret = aws("secretsmanager").create_secret(Name=name(), SecretString="s", KmsKeyId=key)["ARN"]
    reader = role(allow("secretsmanager:GetSecretValue", secret))
    read = reader.client("secretsmanager").get_secret_value
    assert refused(read, SecretId=secret) == ("AccessDeniedException", 400, "Access to KMS is not allowed")
    reader.may(allow("secretsmanager:GetSecretValue", secret), allow("kms:Decrypt", key))
    assert read(SecretId=secret)["SecretString"] == "s"


def test_rule_publishes_to_encrypted_topic_if_key_policy_allows(aws, key, queue):
    """https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services"""
    events, sns, received, dead = aws("events"), aws("sns"), queue(), queue()
    topic = sns.create_topic(Name=name(), Attributes={"KmsMasterKeyId": key})["TopicArn"]
    let_in = {"Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document(let_in))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=received.arn)
    received.let_in({"Service": "sns.amazonaws.com"})
    dead.let_in({"Service": "events.amazonaws.com"})
    source, rule = f"access.{uuid4().hex}", name()
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "t", "Arn": topic, "DeadLetterConfig": {"Arn": dead.arn}}])
    entry = {"Source": source, "DetailType": "Happened", "Detail": "{}"}

    events.put_events(Entries=[entry])
    assert "kms:GenerateDataKey" in dead.take()["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert received.is_empty

    rules = {
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
    }
    aws("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=document(ADMINISTRATION, rules))
    events.put_events(Entries=[entry])
    received.take()
    events.remove_targets(Rule=rule, Ids=["t"])
    events.delete_rule(Name=rule)
    sns.delete_topic(TopicArn=topic)


def test_an_item_of_an_encrypted_table_needs_its_key(aws, key, role):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"""
    table = name()
    aws("dynamodb").create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    writer = role(allow("dynamodb:PutItem"))
    put = writer.client("dynamodb").put_item
    code, status, message = refused(put, TableName=table, Item={"id": {"S": "1"}})
    assert (code, status) == ("AccessDeniedException", 400)
    assert message.startswith("KMS key access denied error: ")
    writer.may(allow("dynamodb:PutItem"), allow("kms:Decrypt", key))
    put(TableName=table, Item={"id": {"S": "1"}})
    aws("dynamodb").delete_table(TableName=table)


def test_encrypted_object_is_readable_only_with_key_permission(aws, key, role):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"""
    s3, bucket = aws("s3"), name()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    reader = role(allow("s3:GetObject"))
    read = reader.client("s3").get_object
    assert read(Bucket=bucket, Key="plain")["Body"].read() == b"x"
    code, status, message = refused(read, Bucket=bucket, Key="a")
    assert (code, status) == ("AccessDenied", 403)
    assert f"is not authorized to perform: kms:Decrypt on resource: {key}" in message
    reader.may(allow("s3:GetObject"), allow("kms:Decrypt", key))
    assert read(Bucket=bucket, Key="a")["Body"].read() == b"x"
    for object_key in ("plain", "a"):
        s3.delete_object(Bucket=bucket, Key=object_key)
    s3.delete_bucket(Bucket=bucket)
