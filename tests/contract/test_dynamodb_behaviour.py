"""DynamoDB and its streams, as moto serves them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def table(aws):
    name = f"t-{uuid.uuid4().hex[:10]}"
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=key,
        AttributeDefinitions=[{"AttributeName": a, "AttributeType": "S"} for a in ("id", "mail")],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-mail",
                "KeySchema": [{"AttributeName": "mail", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    yield name
    aws("dynamodb").delete_table(TableName=name)


def records(aws, table):
    streams = aws("dynamodbstreams")
    arn = aws("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    return streams.get_records(ShardIterator=iterator)["Records"]


def test_stream_reports_inserted_modified_and_removed_items(aws, table):
    db = aws("dynamodb")
    one, two = ({"id": {"S": "1"}, "n": {"N": n}} for n in ("1", "2"))
    for item in (one, one, two):
        db.put_item(TableName=table, Item=item)
    db.delete_item(TableName=table, Key={"id": {"S": "1"}})
    insert, modify, remove = records(aws, table)
    assert [r["eventName"] for r in (insert, modify, remove)] == ["INSERT", "MODIFY", "REMOVE"]
    assert insert["dynamodb"]["NewImage"] == one
    assert "OldImage" not in insert["dynamodb"]
    assert (modify["dynamodb"]["OldImage"], modify["dynamodb"]["NewImage"]) == (one, two)
    assert "NewImage" not in remove["dynamodb"]
    assert "userIdentity" not in remove


def test_a_condition_that_fails_refuses_the_write(aws, table):
    put = {"TableName": table, "Item": {"id": {"S": "1"}}, "ConditionExpression": "attribute_not_exists(id)"}
    aws("dynamodb").put_item(**put)
    with pytest.raises(ClientError) as refused:
        aws("dynamodb").put_item(**put)
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ConditionalCheckFailedException", "The conditional request failed")


def test_a_transaction_writes_all_or_nothing(aws, table):
    db = aws("dynamodb")
    db.put_item(TableName=table, Item={"id": {"S": "taken"}})

    def put(key):
        return {
            "Put": {"TableName": table, "Item": {"id": {"S": key}}, "ConditionExpression": "attribute_not_exists(id)"}
        }

    with pytest.raises(db.exceptions.TransactionCanceledException) as refused:
        db.transact_write_items(TransactItems=[put("new"), put("taken")])
    assert [r["Code"] for r in refused.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert "Item" not in db.get_item(TableName=table, Key={"id": {"S": "new"}})


def test_an_index_is_queried_by_its_own_key(aws, table):
    db = aws("dynamodb")
    for number in "12":
        db.put_item(TableName=table, Item={"id": {"S": number}, "mail": {"S": f"{number}@example.org"}})
    found = db.query(
        TableName=table,
        IndexName="by-mail",
        KeyConditionExpression="mail = :m",
        ExpressionAttributeValues={":m": {"S": "2@example.org"}},
    )["Items"]
    assert [item["id"]["S"] for item in found] == ["2"]


def test_expired_items_are_removed_by_the_service_when_fired(aws, engine, table):
    db = aws("dynamodb")
    db.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    now = int(time.time())
    for key, until in (("old", {"N": str(now - 60)}), ("young", {"N": str(now + 600)}), ("text", {"S": "1"})):
        db.put_item(TableName=table, Item={"id": {"S": key}, "until": until})
    assert engine.harness.fire("dynamodb-ttl", table_name=table) == {"deleted": 1}
    assert {i["id"]["S"] for i in db.scan(TableName=table)["Items"]} == {"young", "text"}
    removed = records(aws, table)[-1]
    assert removed["eventName"] == "REMOVE"
    assert removed["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


def test_point_in_time_recovery_can_be_switched_on(aws, table):
    aws("dynamodb").update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    backups = aws("dynamodb").describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_stack_gives_the_stream_of_its_table(aws):
    cloudformation, name = aws("cloudformation"), f"db-{uuid.uuid4().hex[:8]}"
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        },
    }
    outputs = {"Stream": {"Value": {"Fn::GetAtt": ["Table", "StreamArn"]}}, "Name": {"Value": {"Ref": "Table"}}}
    template = json.dumps({"Resources": {"Table": table}, "Outputs": outputs})
    cloudformation.create_stack(StackName=name, TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    out = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
    assert out["Stream"] == aws("dynamodb").describe_table(TableName=out["Name"])["Table"]["LatestStreamArn"]
    cloudformation.delete_stack(StackName=name)
