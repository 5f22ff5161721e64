"""What an event source mapping reads, and what becomes of it
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html)."""

import json
import time
import uuid

import httpx
import pytest

from harness.journal.records import Kind, Phase
from tests.contract.functions import Queue

FAILS_ON = """
def handler(event, context):
    failed = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
"""
FAILS = "def handler(event, context): raise ValueError('no')\n"
TAKES = "def handler(event, context): pass\n"


@pytest.fixture
def mapping(aws):
    """`mapping(function, source_arn, **options)`; its id."""
    client, made = aws("lambda"), []

    def make(function, source, **options):
        answer = client.create_event_source_mapping(FunctionName=function.name, EventSourceArn=source, **options)
        made.append(answer["UUID"])
        return answer["UUID"]

    yield make
    for one in made:
        client.delete_event_source_mapping(UUID=one)


@pytest.fixture
def table(aws):
    """The name of a new table and the ARN of its stream."""
    name = f"journal-{uuid.uuid4().hex[:8]}"
    made = aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    yield name, made["LatestStreamArn"]
    aws("dynamodb").delete_table(TableName=name)


def _batch(journal, mapping, where=lambda _: True):
    return journal.wait(Kind.BATCH, lambda r: r.data.get("mapping") == mapping and where(r), Phase.BEGIN)


def test_batch_takes_its_messages_and_causes_the_invocation(function, queue, mapping, journal):
    made = function(TAKES)
    one = mapping(made, queue.arn)
    sent = queue.client.send_message(QueueUrl=queue.url, MessageBody="hello")["MessageId"]
    begin = _batch(journal, one)
    assert begin.takes == (f"message:{queue.arn}:{sent}",)
    assert begin.data["source"] == queue.arn
    assert begin.data["records"] == [{"id": sent, "receive_count": 1}]
    ended = journal.end(begin).data
    assert (ended["failed"], ended["deleted"]) == ([], [sent])
    invocation = journal.wait(Kind.INVOCATION, lambda r: r.name == made.name)
    assert [r.kind for r in journal.causes(invocation)] == [Kind.CALL, Kind.BATCH]
    deleted = journal.wait(Kind.CALL, lambda r: r.name == "DeleteMessageBatch" and r.resource == queue.url, Phase.BEGIN)
    assert (deleted.cause, journal.end(deleted).takes) == (begin.activity, begin.takes)


def test_batch_record_lists_failed_items_and_redelivery_is_new(function, queue, mapping, journal, fire):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting"""
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "600"})
    entries = [{"Id": body, "MessageBody": body} for body in ("good", "bad")]
    sent = queue.client.send_message_batch(QueueUrl=queue.url, Entries=entries)["Successful"]
    ids = {one["Id"]: one["MessageId"] for one in sent}
    made = function(FAILS_ON)
    one = mapping(made, queue.arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    ended = journal.end(_batch(journal, one)).data
    assert (ended["failed"], ended["deleted"]) == ([ids["bad"]], [ids["good"]])
    assert set(ended["visible_at"]) == {ids["bad"]}
    fire("sqs-visibility-timeout", queue_url=queue.url, body_contains="bad")
    again = _batch(journal, one, lambda r: r.data["records"][0]["receive_count"] == 2)
    assert again.takes == (f"message:{queue.arn}:{ids['bad']}",)


def test_a_function_that_raises_fails_its_whole_batch(function, queue, mapping, journal):
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "600"})
    made = function(FAILS)
    one = mapping(made, queue.arn)
    sent = queue.client.send_message(QueueUrl=queue.url, MessageBody="hello")["MessageId"]
    end = journal.end(_batch(journal, one))
    assert (end.data["failed"], end.data["deleted"]) == ([sent], [])
    assert end.data["error"]["functionError"] == "Unhandled"
    assert end.data["visible_at"][sent] == pytest.approx(end.at + 600, abs=60)


def test_a_filter_says_of_each_record_whether_it_passes(function, queue, mapping, journal):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html"""
    pattern = {"body": {"size": ["large"]}}
    one = mapping(function(TAKES), queue.arn, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    for size in ("small", "large"):
        queue.client.send_message(QueueUrl=queue.url, MessageBody=json.dumps({"size": size}))
        said = journal.wait(
            Kind.DECISION,
            lambda r, size=size: r.data.get("rule") == one and size in json.dumps(r.data["event"]["body"]),
        )
        assert (said.data["passed"], said.data["pattern"]) == (size == "large", [pattern])
        assert said.takes == (f"message:{queue.arn}:{said.data['event']['messageId']}",)
        assert journal.causes(said)[0].kind is Kind.BATCH


def test_each_write_leaves_the_mark_of_its_stream_record(function, table, traced, trace, mapping, journal):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.Lambda.html"""
    name, stream = table
    dynamodb = traced("dynamodb")
    item = lambda one: {"id": {"S": one}, "at": {"N": "1"}}  # noqa: E731
    dynamodb.put_item(TableName=name, Item=item("put"))
    dynamodb.update_item(
        TableName=name, Key={"id": {"S": "put"}}, UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": "2"}},
    )  # fmt: skip
    dynamodb.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": item(one)}} for one in ("a", "b")]})
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": item(one)}} for one in ("c", "d")])
    dynamodb.delete_item(TableName=name, Key={"id": {"S": "a"}})
    # Nothing changes, so there is no record.
    dynamodb.delete_item(TableName=name, Key={"id": {"S": "a"}})
    left = {}
    for record in journal.all(trace=trace):
        if record.service == "dynamodb" and record.phase is Phase.END:
            left.setdefault(record.name, []).append(record.leaves)
    assert [len(one) for one in left["PutItem"] + left["UpdateItem"]] == [1, 1]
    assert [len(one) for one in left["BatchWriteItem"] + left["TransactWriteItems"]] == [2, 2]
    assert [len(one) for one in left["DeleteItem"]] == [1, 0]
    marks = [mark for name in left for marks in left[name] for mark in marks]
    assert len(set(marks)) == 7
    assert all(mark.startswith(f"record:{stream}:") for mark in marks)
    one = mapping(function(TAKES), stream, StartingPosition="TRIM_HORIZON")
    begin = _batch(journal, one)
    assert set(begin.takes) == set(marks)
    assert [r["event"] for r in begin.data["records"]] == ["INSERT", "MODIFY", *["INSERT"] * 4, "REMOVE"]
    assert journal.end(begin).data["committed"] == [r["id"] for r in begin.data["records"]]


def test_an_item_that_expires_leaves_its_stream_record(table, aws, engine, journal):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html"""
    name, stream = table
    settings = {"Enabled": True, "AttributeName": "expires"}
    aws("dynamodb").update_time_to_live(TableName=name, TimeToLiveSpecification=settings)
    item = {"id": {"S": "one"}, "expires": {"N": str(int(time.time()) - 60)}}
    aws("dynamodb").put_item(TableName=name, Item=item)
    body = {"kind": "dynamodb-ttl", "table_name": name}
    assert httpx.post(
        f"{engine.endpoint_url}/_harness/fire", json=body, headers=engine.harness_headers, trust_env=False, timeout=30
    ).json() == {"deleted": 1}
    fired = journal.wait(Kind.TIMER, lambda r: r.data.get("table_name") == name)
    [mark] = journal.end(fired).leaves
    assert mark.startswith(f"record:{stream}:")


def test_a_record_that_fails_for_good_is_dead_lettered(function, table, aws, queue, mapping, journal):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html"""
    name, stream = table
    one = mapping(
        function(FAILS), stream, StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
    )  # fmt: skip
    aws("dynamodb").put_item(TableName=name, Item={"id": {"S": "one"}})
    first, second = (_batch(journal, one, lambda r, n=n: r.data["attempt"] == n) for n in (1, 2))
    assert first.takes == second.takes
    assert [journal.end(r).data["retries"] for r in (first, second)] == [True, False]
    note = journal.wait(Kind.DEAD_LETTER, lambda r: r.data.get("mapping") == one)
    assert (note.takes, note.data["reason"], note.data["attempts"]) == (first.takes, "RetriesExhausted", 2)
    assert (note.data["source"], note.data["target"]) == (stream, queue.arn)
    sent = journal.wait(Kind.CALL, lambda r: r.name == "SendMessage" and r.resource == queue.url, Phase.BEGIN)
    assert sent.cause == note.activity


def test_kinesis_batch_takes_records_by_sequence_number(function, aws, mapping, journal):
    """https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html"""
    kinesis, name = aws("kinesis"), f"journal-{uuid.uuid4().hex[:12]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    one = mapping(function(TAKES), arn, StartingPosition="TRIM_HORIZON")
    put = kinesis.put_record(StreamName=name, Data=b"{}", PartitionKey="a")
    begin = _batch(journal, one)
    assert begin.takes == (f"record:{arn}:{put['SequenceNumber']}",)
    call = journal.wait(Kind.CALL, lambda r: r.name == "PutRecord" and r.resource == name, Phase.BEGIN)
    assert journal.end(call).leaves == begin.takes
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


def test_message_failed_by_mapping_too_often_is_dead_lettered(function, queue, aws, mapping, journal):
    dead_letters = Queue(aws("sqs"))
    policy = json.dumps({"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "1"}
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)
    mapping(function(FAILS, Timeout=1), queue.arn)
    sent = queue.client.send_message(QueueUrl=queue.url, MessageBody="hello")["MessageId"]
    note = journal.wait(Kind.DEAD_LETTER, lambda r: r.resource == queue.arn)
    assert note.takes == (f"message:{queue.arn}:{sent}",)
    # The poller that found it had no cause.
    assert note.cause is None
    dead_letters.client.delete_queue(QueueUrl=dead_letters.url)


def test_mapping_with_deleted_queue_stays_and_logs_once(function, aws, mapping, journal):
    """https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html"""
    gone, functions = Queue(aws("sqs")), aws("lambda")
    one = mapping(function(TAKES), gone.arn)
    gone.client.delete_queue(QueueUrl=gone.url)
    said = journal.wait(Kind.DECISION, lambda r: r.data.get("rule") == one)
    assert (said.data["reason"], said.data["source"]) == ("SourceFailed", gone.arn)
    told = functions.get_event_source_mapping(UUID=one)
    assert told["State"] == "Enabled"
    assert told["LastProcessingResult"].startswith("PROBLEM: AWS.SimpleQueueService.NonExistentQueue")
