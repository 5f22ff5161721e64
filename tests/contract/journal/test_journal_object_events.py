"""What a bucket's notification configuration makes of an event
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html)."""

import json
import uuid

import pytest

from harness.journal.records import Kind, Phase


@pytest.fixture
def bucket(aws):
    name, s3 = f"journal-{uuid.uuid4().hex[:12]}", aws("s3")
    s3.create_bucket(Bucket=name)
    yield name
    for stored in s3.list_objects_v2(Bucket=name).get("Contents", ()):
        s3.delete_object(Bucket=name, Key=stored["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def notify(aws, bucket):
    def configure(**configuration):
        aws("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
        )

    return configure


def _prefix(value):
    return {"Key": {"FilterRules": [{"Name": "prefix", "Value": value}]}}


def test_each_configuration_says_whether_it_notifies(aws, bucket, notify, queue, journal):
    notify(
        QueueConfigurations=[
            {"Id": "all", "QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"], "Filter": _prefix("in/")},
            {"Id": "key", "QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"], "Filter": _prefix("out/")},
            {"Id": "type", "QueueArn": queue.arn, "Events": ["s3:ObjectRemoved:*"]},
        ]
    )
    aws("s3").put_object(Bucket=bucket, Key="in/one", Body=b"1")
    said = {
        name: journal.wait(
            Kind.DECISION, lambda r, name=name: r.name == name and r.resource == f"arn:aws:s3:::{bucket}"
        )
        for name in ("all", "key", "type")
    }
    assert {name: (r.data["passed"], r.data.get("reason")) for name, r in said.items()} == {
        "all": (True, None),
        "key": (False, "KeyFilter"),
        "type": (False, "EventType"),
    }
    assert said["all"].data["event"] == {"name": "s3:ObjectCreated:Put", "bucket": bucket, "key": "in/one"}
    assert journal.causes(said["all"])[0].name == "PutObject"


def test_an_object_is_the_cause_of_what_reaches_all_four_targets(aws, bucket, notify, queue, function, journal):
    made = function("def handler(event, context): return event['Records'][0]['s3']['object']['key']\n")
    function_arn = made.client.get_function(FunctionName=made.name)["Configuration"]["FunctionArn"]
    made.client.add_permission(
        FunctionName=made.name, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    topic = aws("sns").create_topic(Name=bucket)["TopicArn"]
    aws("sns").add_permission(TopicArn=topic, Label="everyone", AWSAccountId=["*"], ActionName=["Publish"])

    def of(name):
        # S3 takes no two configurations that are about the same events of the same keys.
        return {"Id": name, "Events": ["s3:ObjectCreated:*"], "Filter": _prefix(f"{name}/")}

    notify(
        QueueConfigurations=[of("queue") | {"QueueArn": queue.arn}],
        TopicConfigurations=[of("topic") | {"TopicArn": topic}],
        LambdaFunctionConfigurations=[of("function") | {"LambdaFunctionArn": function_arn}],
        EventBridgeConfiguration={},
    )
    for target in ("queue", "topic", "function"):
        aws("s3").put_object(Bucket=bucket, Key=f"{target}/one", Body=b"1")
    assert json.loads(queue.receive()["Body"])["Records"][0]["s3"]["object"]["key"] == "queue/one"
    reached = {
        "SendMessage": queue.url,
        "Publish": topic,
        "Invoke": function_arn,
        "PutEvents": "default",
    }
    for operation, resource in reached.items():
        call = journal.wait(
            Kind.CALL,
            lambda r, operation=operation, resource=resource: (
                r.name == operation and r.resource == resource and (operation != "PutEvents" or bucket in str(r.data))
            ),
            Phase.BEGIN,
        )
        delivery, put = journal.causes(call)
        assert (delivery.kind, delivery.service, put.name) == (Kind.DELIVERY, "s3", "PutObject")
    invocation = journal.wait(Kind.INVOCATION, lambda r: r.name == made.name, Phase.END)
    assert invocation.data["result"] == "function/one"
    aws("sns").delete_topic(TopicArn=topic)


def test_a_notification_that_its_target_refuses_says_why(aws, bucket, notify, journal):
    arn = "arn:aws:sqs:us-east-1:000000000000:nowhere-to-be-found"
    notify(QueueConfigurations=[{"Id": "gone", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}])
    aws("s3").put_object(Bucket=bucket, Key="one", Body=b"1")
    delivery = journal.wait(Kind.DELIVERY, lambda r: r.data.get("target") == arn)
    assert "NonExistentQueue" in journal.end(delivery).data["error"]["code"]
