"""`POST /_harness/reset`. Each test empties a separate engine."""

import json
import os

import httpx
import pytest

from harness.engine import EmbeddedEngine
from harness.engine.ports import any_free_port
from harness.errors import EngineError


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    engine = EmbeddedEngine(tmp_path_factory.mktemp("reset"), port=any_free_port(), owner_pid=os.getpid())
    yield engine.start()
    engine.stop()


TEMPLATE = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "reset-bucket"}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "reset-queue"}},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "reset-table",
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            },
        },
        "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": "reset-pool"}},
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "ScheduleExpression": "rate(1 hour)",
                "Targets": [{"Id": "queue", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}],
            },
        },
    },
    "Outputs": {
        "Pool": {"Value": {"Ref": "Pool"}},
        "Queue": {"Value": {"Ref": "Queue"}},
        "Stream": {"Value": {"Fn::GetAtt": ["Table", "StreamArn"]}},
    },
}


def _deploy_and_use(own):
    cloudformation = own.client("cloudformation")
    cloudformation.create_stack(StackName="reset", TemplateBody=json.dumps(TEMPLATE))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="reset", WaiterConfig={"Delay": 0.2, "MaxAttempts": 200}
    )
    [stack] = cloudformation.describe_stacks(StackName="reset")["Stacks"]
    out = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
    assert ":table/reset-table/stream/" in out["Stream"]
    own.client("s3").put_object(Bucket="reset-bucket", Key="a/b", Body=b"content")
    own.client("sqs").send_message(QueueUrl=out["Queue"], MessageBody="hello")
    own.client("dynamodb").put_item(TableName="reset-table", Item={"id": {"S": "a"}})
    own.client("kinesis").create_stream(StreamName="reset-stream", ShardCount=1)
    own.client("kinesis").put_record(StreamName="reset-stream", PartitionKey="a", Data=b"content")
    own.client("cognito-idp").admin_create_user(UserPoolId=out["Pool"], Username="ann", MessageAction="SUPPRESS")
    own.client("ses").verify_email_identity(EmailAddress="a@a.example")
    own.client("ses").send_email(
        Source="a@a.example",
        Destination={"ToAddresses": ["b@b.example"]},
        Message={"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}},
    )
    return out


def test_reset_data_keeps_deployment_and_reset_all_removes_it(own):
    out = _deploy_and_use(own)
    s3 = own.client("s3")
    s3.create_bucket(Bucket="harness-artifacts-x")
    s3.put_object(Bucket="harness-artifacts-x", Key="code.zip", Body=b"code")

    answer = own.harness.reset(scope="data")
    assert answer["messages"] == 1
    assert {"s3", "sqs", "dynamodb", "cognito-idp", "ses"} <= set(answer["services"])
    assert "Contents" not in s3.list_objects_v2(Bucket="reset-bucket")
    assert s3.get_object(Bucket="harness-artifacts-x", Key="code.zip")["Body"].read() == b"code"
    assert "Messages" not in own.client("sqs").receive_message(QueueUrl=out["Queue"], WaitTimeSeconds=0)
    assert own.client("dynamodb").scan(TableName="reset-table")["Items"] == []
    shard = {"StreamName": "reset-stream", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    iterator = own.client("kinesis").get_shard_iterator(**shard)["ShardIterator"]
    assert own.client("kinesis").get_records(ShardIterator=iterator)["Records"] == []
    assert own.client("cognito-idp").list_users(UserPoolId=out["Pool"])["Users"] == []
    assert own.harness.outbox() == []
    [stack] = own.client("cloudformation").describe_stacks(StackName="reset")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    s3.put_object(Bucket="reset-bucket", Key="again", Body=b"x")
    assert s3.get_object(Bucket="reset-bucket", Key="again")["Body"].read() == b"x"

    own.harness.reset(scope="all")
    assert own.client("cloudformation").describe_stacks()["Stacks"] == []
    assert s3.list_buckets()["Buckets"] == []
    assert own.client("dynamodb").list_tables()["TableNames"] == []
    assert own.client("events").list_rules()["Rules"] == []
    again = _deploy_and_use(own)
    assert again["Pool"] != out["Pool"]


def test_a_reset_of_one_account_leaves_the_others(own):
    sqs = own.client("sqs")
    sqs.create_queue(QueueName="mine")
    own.harness.reset(scope="all", account_id="111111111111")
    assert any(url.endswith("/mine") for url in sqs.list_queues()["QueueUrls"])


@pytest.mark.parametrize("scope", [{"scope": "everything"}, {"account_id": "12"}, {"accounts": []}])
def test_a_scope_that_is_none_is_refused_and_empties_nothing(own, scope):
    with pytest.raises(EngineError, match="400"):
        own.harness.reset(**scope)


def test_journal_is_kept_by_reset_data_and_emptied_by_reset_all(own):
    def kept():
        return httpx.get(
            f"{own.endpoint_url}/_harness/journal", headers=own.harness_headers, trust_env=False, timeout=30
        ).text.splitlines()

    own.client("sqs").list_queues()
    before = kept()
    assert before
    own.harness.reset(scope="data")
    assert kept()[: len(before)] == before
    last = json.loads(kept()[-1])["sequence"]
    own.harness.reset(scope="all")
    assert [line for line in kept() if json.loads(line)["sequence"] <= last] == []


def test_reset_is_recorded_in_the_journal(own):
    own.harness.reset(scope="all")
    text = httpx.get(
        f"{own.endpoint_url}/_harness/journal", headers=own.harness_headers, trust_env=False, timeout=30
    ).text
    notes = [record for record in map(json.loads, text.splitlines()) if record["name"] == "reset"]
    assert [(note["service"], note["data"]) for note in notes] == [("harness", {"scope": "all", "account_id": None})]
