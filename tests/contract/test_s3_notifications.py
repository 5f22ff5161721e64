"""What S3 says of what happened in a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import json
import uuid

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def bucket(aws):
    name = f"b-{uuid.uuid4().hex[:12]}"
    aws("s3").create_bucket(Bucket=name)
    yield name
    for each in aws("s3").list_objects_v2(Bucket=name).get("Contents", []):
        aws("s3").delete_object(Bucket=name, Key=each["Key"])
    aws("s3").delete_bucket(Bucket=name)


@pytest.fixture
def queue(aws):
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    statements = [{**allowed, "Principal": {"Service": f"{name}.amazonaws.com"}} for name in ("s3", "events")]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    yield url, arn
    sqs.delete_queue(QueueUrl=url)


def received(aws, url, count):
    """The messages of a queue, at least so many."""
    bodies: list[dict] = []
    for _attempt in range(20):
        answer = aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        bodies += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        if len(bodies) >= count:
            break
    return bodies


def notify(aws, bucket, **configuration):
    aws("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)


def test_later_event_of_an_object_has_the_greater_sequencer(aws, bucket, queue):
    url, arn = queue
    notify(aws, bucket, QueueConfigurations=[{"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}])
    for _time in range(5):
        aws("s3").put_object(Bucket=bucket, Key="k", Body=b"1")
        aws("s3").delete_object(Bucket=bucket, Key="k")
    # The first message says that the configuration works (s3:TestEvent).
    records = [record for body in received(aws, url, 11) for record in body.get("Records", [])]
    in_order = sorted(records, key=lambda record: record["s3"]["object"]["sequencer"])
    assert len({record["s3"]["object"]["sequencer"] for record in records}) == 10
    assert [record["eventName"] for record in in_order] == ["ObjectCreated:Put", "ObjectRemoved:Delete"] * 5
    assert all(len(record["s3"]["object"]["sequencer"]) == 18 for record in records)


def test_key_is_url_encoded_for_queue_and_not_for_eventbridge(aws, bucket, queue):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    url, arn = queue
    events, rule = aws("events"), f"r-{uuid.uuid4().hex[:12]}"
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": arn}])
    created = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    notify(aws, bucket, QueueConfigurations=[created], EventBridgeConfiguration={})
    aws("s3").put_object(Bucket=bucket, Key="some where/ä.txt", Body=b"1")
    bodies = received(aws, url, 3)
    [record] = [record for body in bodies for record in body.get("Records", [])]
    [event] = [body for body in bodies if "detail" in body]
    assert record["s3"]["object"]["key"] == "some+where/%C3%A4.txt"
    assert event["detail"]["object"]["key"] == "some where/ä.txt"
    assert event["detail"]["object"]["sequencer"] == record["s3"]["object"]["sequencer"]
    events.remove_targets(Rule=rule, Ids=["q"])
    events.delete_rule(Name=rule)


def _configured(arn, *rules):
    return [
        {
            "QueueArn": arn,
            "Events": events,
            "Filter": {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in names.items()]}},
        }
        for events, names in rules
    ]


CREATED, PUT, REMOVED = ["s3:ObjectCreated:*"], ["s3:ObjectCreated:Put"], ["s3:ObjectRemoved:*"]


@pytest.mark.parametrize(
    "rules",
    [
        [(CREATED, {}), (CREATED, {"prefix": "a/"})],
        [(CREATED, {"prefix": "a/"}), (PUT, {"prefix": "a/b/"})],
        [(CREATED, {"prefix": "a/", "suffix": ".jpg"}), (CREATED, {"suffix": "jpg"})],
    ],
)
def test_overlapping_notification_configurations_are_refused(aws, bucket, queue, rules):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html"""
    with pytest.raises(ClientError) as raised:
        notify(aws, bucket, QueueConfigurations=_configured(queue[1], *rules))
    assert raised.value.response["Error"]["Code"] == "InvalidArgument"
    assert "Configuration is ambiguously defined." in raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "rules",
    [
        [(CREATED, {"prefix": "a/"}), (CREATED, {"prefix": "b/"})],
        [(CREATED, {"prefix": "a/", "suffix": ".jpg"}), (CREATED, {"prefix": "a/", "suffix": ".png"})],
        [(CREATED, {"prefix": "a/"}), (REMOVED, {"prefix": "a/"})],
        [(PUT, {}), (["s3:ObjectCreated:Copy"], {})],
    ],
)
def test_disjoint_notification_configurations_are_accepted(aws, bucket, queue, rules):
    notify(aws, bucket, QueueConfigurations=_configured(queue[1], *rules))
    assert len(aws("s3").get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]) == 2
