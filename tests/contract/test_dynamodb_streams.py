"""DynamoDB and its streams (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html)."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def table(aws):
    name = f"streams-{uuid.uuid4().hex[:8]}"
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    yield name
    aws("dynamodb").delete_table(TableName=name)


def _iterator(aws, table):
    [stream] = aws("dynamodbstreams").list_streams(TableName=table)["Streams"]
    arn = stream["StreamArn"]
    [shard] = aws("dynamodbstreams").describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    return aws("dynamodbstreams").get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]


def _records(aws, table):
    return aws("dynamodbstreams").get_records(ShardIterator=_iterator(aws, table))["Records"]


def test_an_insert_has_its_new_image_and_no_old_one(aws, table):
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "hello world"}, "n": {"N": "1"}})
    [record] = _records(aws, table)
    assert (record["eventName"], record["eventVersion"], record["eventSource"]) == ("INSERT", "1.1", "aws:dynamodb")
    assert record["awsRegion"] == "us-east-1"
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "hello world"}, "n": {"N": "1"}}
    assert "OldImage" not in record["dynamodb"]
    assert record["dynamodb"]["Keys"] == {"id": {"S": "hello world"}}


def test_an_update_that_creates_an_item_is_one_insert(aws, table):
    aws("dynamodb").update_item(
        TableName=table,
        Key={"id": {"S": "a"}},
        UpdateExpression="SET v = :v",
        ExpressionAttributeValues={":v": {"S": "x"}},
    )
    [record] = _records(aws, table)
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "a"}, "v": {"S": "x"}}


def test_a_write_that_changes_nothing_writes_no_record(aws, table):
    """'If you perform a PutItem or UpdateItem operation that does not change any data in an item, DynamoDB Streams does
    not write a stream record for that operation.'"""
    for value in ("1", "1", "2"):
        aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "a"}, "v": {"N": value}})
    insert, modify = _records(aws, table)
    assert (insert["eventName"], modify["eventName"]) == ("INSERT", "MODIFY")
    assert modify["dynamodb"]["OldImage"]["v"] == {"N": "1"}
    assert modify["dynamodb"]["NewImage"]["v"] == {"N": "2"}
    assert int(modify["dynamodb"]["SequenceNumber"]) > int(insert["dynamodb"]["SequenceNumber"])


def test_cancelled_transaction_leaves_table_and_stream_unchanged(aws, table):
    reader = _iterator(aws, table)
    put = {"Put": {"TableName": table, "Item": {"id": {"S": "a"}}}}
    check = {
        "ConditionCheck": {
            "TableName": table,
            "Key": {"id": {"S": "absent"}},
            "ConditionExpression": "attribute_exists(id)",
        }
    }
    with pytest.raises(ClientError) as refused:
        aws("dynamodb").transact_write_items(TransactItems=[put, check])
    assert refused.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert [r["Code"] for r in refused.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert "Item" not in aws("dynamodb").get_item(TableName=table, Key={"id": {"S": "a"}})
    aws("dynamodb").transact_write_items(TransactItems=[put])
    [record] = aws("dynamodbstreams").get_records(ShardIterator=reader)["Records"]
    assert record["dynamodb"]["Keys"] == {"id": {"S": "a"}}


def test_concurrent_conditional_writes_let_one_succeed(aws, table):
    def create(number):
        try:
            aws("dynamodb").put_item(
                TableName=table,
                Item={"id": {"S": "once"}, "by": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(id)",
            )
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "created"

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(create, range(24)))
    assert sorted(results) == sorted(["created"] + ["ConditionalCheckFailedException"] * 23)


def test_time_to_live_removal_in_stream_names_the_service(engine, aws, table):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html"""
    aws("dynamodb").update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    now = int(time.time())
    for name, expires in (("over", now - 60), ("later", now + 3600), ("six years ago", now - 6 * 365 * 86400)):
        aws("dynamodb").put_item(TableName=table, Item={"id": {"S": name}, "expires": {"N": str(expires)}})
    assert engine.harness.fire("dynamodb-ttl", table_name=table) == {"deleted": 1}
    [removed] = [r for r in _records(aws, table) if r["eventName"] == "REMOVE"]
    assert removed["dynamodb"]["Keys"] == {"id": {"S": "over"}}
    assert removed["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
