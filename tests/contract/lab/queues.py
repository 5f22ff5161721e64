"""Messages that stay in their queue, or leave it without having been handled."""

import json

from harness.flow import Flow
from harness.journal.records import Kind
from tests.contract.lab.broken_stack import BrokenStack, Stack


def message(stack: Stack) -> None:
    stack.aws("sqs").send_message(QueueUrl=stack.id("Queue"), MessageBody=json.dumps({"kind": "order"}))


def messages_of_a_group(stack: Stack) -> None:
    for number in range(3):
        stack.aws("sqs").send_message(
            QueueUrl=stack.id("Queue"),
            MessageBody=json.dumps({"number": number}),
            MessageGroupId="orders",
            MessageDeduplicationId=str(number),
        )


def received_and_not_deleted(stack: Stack) -> None:
    message(stack)
    for _ in range(2):
        stack.aws("sqs").receive_message(QueueUrl=stack.id("Queue"), VisibilityTimeout=0)


def failed_twice(flow: Flow) -> None:
    flow.wait_until(lambda f: sum(not batch.goes_on for batch in f.find(Kind.BATCH)) > 1)


READS = "{Message: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}}"
RAISES = "raise ValueError('not this one')"

BROKEN: list[BrokenStack] = [
    BrokenStack(
        "a message fails until its queue gives it up",
        f"""
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 5
            RedrivePolicy: {{deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}}
        Dead:
          Type: AWS::SQS::Queue
        Function:  # <- here
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Message: {{Type: SQS, Properties: {{Queue: !GetAtt Queue.Arn, BatchSize: 1}}}}
            InlineCode: |
              def handler(event, context):
                  {RAISES}
        """,
        message,
        "handler-raised",
        "Function Function raised ValueError: not this one (index.py, line 2) in each of 2 attempts; the message of "
        "queue Queue is kept in queue Dead.",
        fixed={RAISES: "pass"},
        lost=False,
    ),
    BrokenStack(
        "a consumer receives a message again and again, and does not delete it",
        """
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1}  # <- here
        Dead:
          Type: AWS::SQS::Queue
        """,
        received_and_not_deleted,
        "received-too-often",
        "Queue Queue moved a message to queue Dead, as it was received once and not deleted (maxReceiveCount 1).",
        fixed={"maxReceiveCount: 1": "maxReceiveCount: 9"},
        lost=False,
    ),
    BrokenStack(
        "a message is delayed",
        """
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            DelaySeconds: 600  # <- here
            VisibilityTimeout: 5
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Events:
              Message: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}
            InlineCode: |
              def handler(event, context):
                  pass
        """,
        message,
        "message-delayed",
        "Queue Queue shows a message to its consumers only after a delay of 600 seconds.",
        fixed={"DelaySeconds: 600": "DelaySeconds: 0"},
        lost=False,
        until=lambda flow: flow.wait_until(lambda f: f.find(Kind.TIMER)),
    ),
    BrokenStack(
        "the first message of a group blocks those behind it",
        f"""
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            FifoQueue: true
            VisibilityTimeout: 3
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Timeout: 3
            Events:
              Message:
                Type: SQS
                Properties:  # <- here
                  Queue: !GetAtt Queue.Arn
                  BatchSize: 1
            InlineCode: |
              def handler(event, context):
                  {RAISES}
        """,
        messages_of_a_group,
        "group-blocked",
        "A message of queue Queue blocks its group orders: function Function raised ValueError: not this one "
        "(index.py, line 2) in each of … attempts; it is tried again, and 2 messages wait behind it.",
        fixed={RAISES: "pass"},
        lost=False,
        until=failed_twice,
    ),
    BrokenStack(
        "a function may read a queue that no mapping reads for it",
        """
        Queue:  # <- here
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 5
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Policies: [{SQSPollerPolicy: {QueueName: !GetAtt Queue.QueueName}}]
            InlineCode: |
              def handler(event, context):
                  pass
        """,
        message,
        "queue-not-read",
        "A message of queue Queue waits, as no event source mapping reads it for function Function, whose role may "
        "read it.",
        fixed={"Policies: ": f"Events: {READS}\n    Policies: "},
        lost=False,
    ),
]
