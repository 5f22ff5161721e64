"""Mappings that do not deliver the content of their queue or stream, or not in the way that the function expects."""

import json

from harness.journal.records import Kind
from tests.contract.lab.broken_stack import BrokenStack, Stack
from tests.contract.lab.queues import failed_twice, message

RAISES = "raise ValueError('not this one')"


def records(stack: Stack) -> None:
    for number in range(3):
        stack.aws("kinesis").put_record(
            StreamName=stack.id("Stream"), PartitionKey="one", Data=json.dumps({"number": number})
        )


def one_record(stack: Stack) -> None:
    stack.aws("kinesis").put_record(StreamName=stack.id("Stream"), PartitionKey="one", Data=b'{"number": 0}')


def two_messages(stack: Stack) -> None:
    entries = [{"Id": kind, "MessageBody": json.dumps({"kind": kind})} for kind in ("order", "poison")]
    stack.aws("sqs").send_message_batch(QueueUrl=stack.id("Queue"), Entries=entries)


def message_while_visibility_is_short(stack: Stack) -> None:
    stack.aws("sqs").set_queue_attributes(QueueUrl=stack.id("Queue"), Attributes={"VisibilityTimeout": "3"})
    message(stack)


BROKEN: list[BrokenStack] = [
    BrokenStack(
        "a mapping is disabled",
        """
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 5
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Message:
                Type: SQS
                Properties:
                  Queue: !GetAtt Queue.Arn
                  Enabled: false  # <- here
            InlineCode: |
              def handler(event, context):
                  pass
        """,
        message,
        "mapping-disabled",
        "A message of queue Queue waits, as the mapping that reads it for function Function is disabled.",
        fixed={"Enabled: false": "Enabled: true"},
        lost=False,
    ),
    BrokenStack(
        "a mapping's filter refuses a message",
        """
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 5
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Message:
                Type: SQS
                Properties:
                  Queue: !GetAtt Queue.Arn
                  FilterCriteria:
                    Filters:
                      - Pattern: '{"body": {"kind": ["orders"]}}'  # <- here
            InlineCode: |
              def handler(event, context):
                  pass
        """,
        message,
        "filter-refused",
        "The filter of the mapping for function Function refused a message of queue Queue: body.kind is 'order', and "
        "it wants 'orders'.",
        fixed={'["orders"]': '["order"]'},
    ),
    BrokenStack(
        "a mapping's filter refuses the records of a stream",
        """
        Stream:
          Type: AWS::Kinesis::Stream
          Properties: {ShardCount: 1}
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Record:
                Type: Kinesis
                Properties:
                  Stream: !GetAtt Stream.Arn
                  StartingPosition: TRIM_HORIZON
                  FilterCriteria:
                    Filters:
                      - Pattern: '{"data": {"number": [{"numeric": [">", 9]}]}}'  # <- here
            InlineCode: |
              def handler(event, context):
                  pass
        """,
        one_record,
        "filter-refused",
        "The filter of the mapping for function Function refused a record of stream Stream: data.number is 0, and it "
        "wants a number > 9.",
        fixed={'[">", 9]': '[">=", 0]'},
        lost=False,
    ),
    BrokenStack(
        "a record blocks its shard",
        f"""
        Stream:
          Type: AWS::Kinesis::Stream
          Properties: {{ShardCount: 1}}
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Record:
                Type: Kinesis
                Properties:  # <- here
                  Stream: !GetAtt Stream.Arn
                  StartingPosition: TRIM_HORIZON
                  BatchSize: 1
            InlineCode: |
              def handler(event, context):
                  {RAISES}
        """,
        records,
        "shard-blocked",
        "A record of stream Stream blocks its shard: function Function raised ValueError: not this one (index.py, "
        "line 2) in each of … attempts; it is tried again until it expires, and 2 records wait behind it.",
        fixed={RAISES: "pass"},
        lost=False,
        until=failed_twice,
    ),
    BrokenStack(
        "the records of a shard are given up",
        f"""
        Stream:
          Type: AWS::Kinesis::Stream
          Properties: {{ShardCount: 1}}
        Function:  # <- here
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Record:
                Type: Kinesis
                Properties:
                  Stream: !GetAtt Stream.Arn
                  StartingPosition: TRIM_HORIZON
                  MaximumRetryAttempts: 0
            InlineCode: |
              def handler(event, context):
                  {RAISES}
        """,
        records,
        "handler-raised",
        "Function Function raised ValueError: not this one (index.py, line 2) in its only attempt; the record of "
        "stream Stream is lost, as its mapping has no destination for failures.",
        fixed={RAISES: "pass"},
    ),
    BrokenStack(
        "a function reports a message of its batch as failed",
        """
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 5
            RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1}
        Dead:
          Type: AWS::SQS::Queue
        Function:  # <- here
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Message:
                Type: SQS
                Properties:
                  Queue: !GetAtt Queue.Arn
                  FunctionResponseTypes: [ReportBatchItemFailures]
            InlineCode: |
              def handler(event, context):
                  failed = [m["messageId"] for m in event["Records"] if "poison" in m["body"]]
                  return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
        """,
        two_messages,
        "item-failed",
        "Function Function reported message … of queue Queue as failed (batchItemFailures) in its only attempt; the "
        "message of queue Queue is kept in queue Dead.",
        fixed={'if "poison" in m["body"]': "if False"},
        lost=False,
    ),
    BrokenStack(
        "a mapping does not ask which messages of a batch failed",
        """
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 5
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Message:
                Type: SQS
                Properties:  # <- here
                  Queue: !GetAtt Queue.Arn
            InlineCode: |
              def handler(event, context):
                  failed = [m["messageId"] for m in event["Records"] if "poison" in m["body"]]
                  return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
        """,
        two_messages,
        "item-failures-ignored",
        "Function Function reported 1 message of queue Queue as failed, and the mapping does not ask for that "
        "(FunctionResponseTypes has no ReportBatchItemFailures): Lambda takes the whole batch for handled.",
        fixed={'if "poison" in m["body"]': "if False"},
    ),
    BrokenStack(
        "a message is shown again while the function still works on it",
        """
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 5  # <- here
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Message:
                Type: SQS
                Properties:
                  Queue: !GetAtt Queue.Arn
            InlineCode: |
              import time
              def handler(event, context):
                  time.sleep(4)
        """,
        message_while_visibility_is_short,
        "visibility-timeout-too-short",
        "Queue Queue hides a message for 3 seconds only, and function Function worked on it for longer: it is shown "
        "again meanwhile, and handled twice.",
        fixed={"time.sleep(4)": "pass"},
        lost=False,
    ),
    BrokenStack(
        "a batching window is open",
        """
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 30
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Message:
                Type: SQS
                Properties:
                  Queue: !GetAtt Queue.Arn
                  MaximumBatchingWindowInSeconds: 60  # <- here
            InlineCode: |
              def handler(event, context):
                  pass
        """,
        message,
        "batching-window-open",
        "A message of queue Queue waits for more to come with it, as the batching window of the mapping for function "
        "Function is 60 seconds.",
        fixed={"MaximumBatchingWindowInSeconds: 60": "MaximumBatchingWindowInSeconds: 0"},
        lost=False,
        until=lambda flow: flow.wait_until(lambda f: f.find(Kind.TIMER)),
    ),
]
