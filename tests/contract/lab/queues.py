"""Messages that stay in their queue, or leave it without having been handled."""

import json

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


RAISES = "raise ValueError('not this one')"

BROKEN: list[BrokenStack] = [
    BrokenStack(
        "a message fails until its queue gives it up",
        f"""
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 1
            RedrivePolicy: {{deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}}
        Dead:
          Type: AWS::SQS::Queue
        Function:  # <- here
          Type: AWS::Serverless::Function
          Properties:
            Timeout: 1
            Events:
              Message: {{Type: SQS, Properties: {{Queue: !GetAtt Queue.Arn, BatchSize: 1}}}}
            InlineCode: |
              def handler(event, context):
                  {RAISES}
        """,
        message,
        "handler-raised",
        "function Function raised ValueError: not this one (index.py, line 2) in each of 2 attempts, and the message of queue "
        "Queue is kept in queue Dead.",
        mended={RAISES: "pass"},
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
        "queue Queue moved a message to queue Dead, as it was received once and not deleted (maxReceiveCount 1).",
        mended={"maxReceiveCount: 1": "maxReceiveCount: 9"},
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
        "queue Queue shows a message to its consumers only after its delay of 600 seconds.",
        mended={"DelaySeconds: 600": "DelaySeconds: 0"},
        lost=False,
        until=lambda stack, flow: None,
    ),
    BrokenStack(
        "the first message of a group blocks those behind it",
        f"""
        Queue:
          Type: AWS::SQS::Queue
          Properties:
            FifoQueue: true
            VisibilityTimeout: 1
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Timeout: 1
            Events:
              Message:  # <- here
                Type: SQS
                Properties:
                  Queue: !GetAtt Queue.Arn
                  BatchSize: 1
            InlineCode: |
              def handler(event, context):
                  {RAISES}
        """,
        messages_of_a_group,
        "group-blocked",
        "",
        mended={RAISES: "pass"},
        lost=False,
        until=lambda stack, flow: flow.wait_for_batches(2),
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
        "",
        mended={
            "Properties:\n    Policies": "Properties:\n    Events: {Message: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}}\n    Policies"
        },
        lost=False,
    ),
]
