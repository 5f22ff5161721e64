"""When a message or an object that was filtered out is lost, and when that is what the filter is for."""

import json

import pytest

from harness.journal.records import Kind

TOPIC = """
  Topic: {Type: AWS::SNS::Topic}
  Queue: {Type: AWS::SQS::Queue}
  ToQueue:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: !Ref Topic
      Protocol: sqs
      Endpoint: !GetAtt Queue.Arn
      FilterPolicy: {region: [eu]}
"""
TOPIC_ARN = "arn:aws:sns:us-east-1:000000000000:topic"


def publish(topics, message, subscription="toqueue", policy=None, attributes=None, scope="MessageAttributes"):
    call = topics.call("sns", "Publish", TOPIC_ARN, request={"TopicArn": TOPIC_ARN})
    topics.note(
        Kind.DECISION, "sns", "filter policy", subscription, call, passed=False, reason="FilterPolicy", scope=scope,
        pattern=policy or {"region": ["eu"]}, message_id=f"m{call}", attributes=attributes or {}, event=message,
        target="arn:aws:sqs:us-east-1:000000000000:queue",
    )  # fmt: skip
    return call


def deliver(topics, call):
    topics.activity(
        Kind.DELIVERY, "sns", "sqs", f"{TOPIC_ARN}:other", call, source=TOPIC_ARN, target="arn:aws:sqs:::other",
        message_ids=[f"m{call}"],
    )  # fmt: skip


def attribute(value):
    return {"region": {"DataType": "String", "StringValue": value}}


def test_message_taken_by_a_subscription_is_not_lost_for_others(recording):
    topics = recording(TOPIC)
    deliver(topics, publish(topics, "hello", attributes=attribute("us")))
    assert not topics.explained()


def test_a_message_that_every_subscription_refused_is_lost(recording):
    topics = recording(TOPIC)
    publish(topics, "hello", attributes=attribute("us"))
    [finding] = topics.explained()
    assert (finding.cause, finding.lost, finding.place.line) == ("filter-policy-refused", True, 11)


def test_policy_of_wrong_scope_is_explained_despite_deliveries(recording):
    topics = recording(TOPIC)
    deliver(topics, publish(topics, {"region": "eu"}))
    [finding] = topics.explained()
    assert finding.cause == "filter-policy-scope"
    assert "the message's attributes, and region is in the body" in finding.sentence


def test_policy_that_refuses_in_either_scope_has_no_finding(recording):
    topics = recording(TOPIC)
    deliver(topics, publish(topics, {"region": "us"}))
    assert not topics.explained()


BUCKET = """
  Work: {Type: AWS::Lambda::Function, Properties: {FunctionName: work}}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        LambdaConfigurations:
          - Event: s3:ObjectCreated:*
            Function: !GetAtt Work.Arn
            Filter: {S3Key: {Rules: [{Name: prefix, Value: uploads/}]}}
"""
WORK = "arn:aws:lambda:us-east-1:000000000000:function:work"


def decide(buckets, cause, key, name="s3:ObjectCreated:Put"):
    passed = key.startswith("uploads/") and "Created" in name
    pattern = {
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "uploads/"}]}},
    }
    buckets.note(
        Kind.DECISION, "s3", "n", "arn:aws:s3:::bucket", cause, passed=passed, pattern=pattern, target=WORK,
        event={"name": name, "bucket": "bucket", "key": key}, **({} if passed else {"reason": "KeyFilter"}),
    )  # fmt: skip


def test_upload_outside_every_notification_filter_is_lost(recording):
    buckets = recording(BUCKET)
    decide(buckets, buckets.call("s3", "PutObject", "bucket/elsewhere/1"), "elsewhere/1")
    [finding] = buckets.explained()
    assert (finding.cause, finding.lost, finding.place.line) == ("object-key-mismatch", True, 11)


@pytest.mark.parametrize(("key", "told"), [("thumbnails/1", []), ("upload/1", [("object-key-mismatch", True)])])
def test_write_to_triggering_bucket_is_explained_if_key_is_near(recording, key, told):
    """Unless the key nearly is what the filter wants."""
    buckets = recording(BUCKET)
    put = buckets.call("s3", "PutObject", "bucket/uploads/1")
    decide(buckets, put, "uploads/1")
    invocation = buckets.activity(Kind.INVOCATION, "lambda", "work", WORK, put)
    decide(buckets, buckets.call("s3", "PutObject", f"bucket/{key}", invocation), key)
    assert buckets.told() == told


def test_removal_is_not_lost_if_only_uploads_notify(recording):
    buckets = recording(BUCKET)
    decide(buckets, buckets.call("s3", "DeleteObject", "bucket/uploads/1"), "uploads/1", "s3:ObjectRemoved:Delete")
    assert not buckets.explained()


# ── deduplication ───────────────────────────────────────────────────────────────────────────────────────────────────

QUEUE_URL = "http://localhost:4566/queue/us-east-1/000000000000/queue"
QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:queue"


def send(queues, body, cause=None):
    request = {"QueueUrl": QUEUE_URL, "MessageBody": json.dumps(body)}
    response = {"MessageId": "first"}
    return queues.call("sqs", "SendMessage", QUEUE_URL, cause, request=request, response=response)


def drop(queues, body, cause=None):
    call = send(queues, body, cause)
    queues.note(
        Kind.DECISION, "sqs", "deduplication", QUEUE_ARN, call, passed=False, reason="Duplicate", first="first",
        deduplication_id="order", event=body,
    )  # fmt: skip


@pytest.mark.parametrize(("content_based", "second", "told"), [
    ("true", {"n": 1}, [("duplicate-dropped", False)]),
    # The sender says that it is the same.
    ("false", {"n": 1}, []),
    ("false", {"n": 2}, [("duplicate-dropped", True)]),
])  # fmt: skip
def test_dropped_fifo_message_is_explained_unless_a_duplicate(recording, content_based, second, told):
    queues = recording(f"""
  Queue:
    Type: AWS::SQS::Queue
    Properties: {{FifoQueue: true, ContentBasedDeduplication: {content_based}}}
""")
    send(queues, {"n": 1})
    drop(queues, second)
    assert queues.told() == told


def test_function_retry_that_sends_a_duplicate_has_no_finding(recording):
    queues = recording("""
  Queue:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true, ContentBasedDeduplication: true}
""")
    called = queues.call("lambda", "Invoke", WORK)
    for number in range(2):
        error = {"error": {"errorType": "Late", "errorMessage": "after it had sent"}} if number == 0 else {}
        invocation = queues.activity(Kind.INVOCATION, "lambda", "work", WORK, called, request_id="r", **error)
        (drop if number else send)(queues, {"n": 1}, invocation)
    assert not queues.explained()
