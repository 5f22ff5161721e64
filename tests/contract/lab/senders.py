"""Functions that call what is elsewhere, or send what is not taken."""

from collections.abc import Mapping
from contextlib import suppress

from botocore.exceptions import ClientError

from tests.contract.lab.broken_stack import BrokenStack, Stack


def invoke(stack: Stack) -> None:
    stack.aws("lambda").invoke(FunctionName=stack.id("Work"))


def twice(stack: Stack) -> None:
    for _ in range(2):
        _send(stack, "one more coffee", {"MessageGroupId": "g"})


def two_with_one_id(stack: Stack) -> None:
    for number in range(2):
        _send(stack, str(number), {"MessageGroupId": "g", "MessageDeduplicationId": "order"})


def _send(stack: Stack, body: str, in_order: Mapping[str, str]) -> None:
    """`in_order` holds parameters that only a FIFO queue accepts; a fixed stack has another queue."""
    url = stack.id("Queue")
    options = in_order if url.endswith(".fifo") else {}
    stack.aws("sqs").send_message(QueueUrl=url, MessageBody=body, **options)


def send_much(stack: Stack) -> None:
    with suppress(ClientError):
        stack.aws("sqs").send_message(QueueUrl=stack.id("Queue"), MessageBody="x" * 2000)


BROKEN = [
    BrokenStack(
        "a function that looks in another region",
        """
Table:
  Type: AWS::DynamoDB::Table
  Properties:
    BillingMode: PAY_PER_REQUEST
    AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
    KeySchema: [{AttributeName: id, KeyType: HASH}]
Work:
  Type: AWS::Serverless::Function
  Properties:
    InlineCode: |
      import os, boto3
      def handler(event, context):
          table = boto3.client("dynamodb", region_name=os.environ["TABLE_REGION"])
          table.get_item(TableName=os.environ["TABLE"], Key={"id": {"S": "1"}})
    Policies: [{Statement: [{Effect: Allow, Action: dynamodb:GetItem, Resource: "*"}]}]
    Environment:
      Variables:
        TABLE: !Ref Table
        TABLE_REGION: eu-west-1  # <- here
""",
        invoke,
        "wrong-region",
        "Function Work called GetItem for table Table in eu-west-1, and it is in us-east-1.",
        {"eu-west-1": "us-east-1"},
    ),
    BrokenStack(
        "a function that puts its events on the bus of another region",
        """
Bus: {Type: AWS::Events::EventBus, Properties: {Name: !Sub "${AWS::StackName}"}}
Queue: {Type: AWS::SQS::Queue}
Policy:
  Type: AWS::SQS::QueuePolicy
  Properties:
    Queues: [!Ref Queue]
    PolicyDocument:
      Statement:
        Effect: Allow
        Principal: {Service: events.amazonaws.com}
        Action: sqs:SendMessage
        Resource: !GetAtt Queue.Arn
All:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern: {source: [shop]}
    Targets: [{Id: queue, Arn: !GetAtt Queue.Arn}]
Work:
  Type: AWS::Serverless::Function
  Properties:
    InlineCode: |
      import os, boto3
      def handler(event, context):
          events = boto3.client("events", region_name=os.environ["BUS_REGION"])
          entry = {"EventBusName": os.environ["BUS"], "Source": "shop", "DetailType": "OrderPlaced", "Detail": "{}"}
          events.put_events(Entries=[entry])
    Policies: [{Statement: [{Effect: Allow, Action: events:PutEvents, Resource: "*"}]}]
    Environment:
      Variables:
        BUS: !Ref Bus
        BUS_REGION: eu-west-1  # <- here
""",
        invoke,
        "wrong-region",
        "Function Work called PutEvents for bus Bus in eu-west-1, and it is in us-east-1.",
        {"eu-west-1": "us-east-1"},
    ),
    BrokenStack(
        "a message that is too large for its queue",
        """
Queue:
  Type: AWS::SQS::Queue
  Properties:
    MaximumMessageSize: 1024  # <- here
""",
        send_much,
        "too-large",
        "What the test gave to queue Queue is too large for it: One or more parameters are invalid. Reason: Message must be "
        "shorter than 1024 bytes.",
        {"1024": "4096"},
    ),
    BrokenStack(
        "an event that is too large for its bus",
        """
Bus: {Type: AWS::Events::EventBus, Properties: {Name: !Sub "${AWS::StackName}"}}  # <- here
Queue: {Type: AWS::SQS::Queue}
Policy:
  Type: AWS::SQS::QueuePolicy
  Properties:
    Queues: [!Ref Queue]
    PolicyDocument:
      Statement:
        Effect: Allow
        Principal: {Service: events.amazonaws.com}
        Action: sqs:SendMessage
        Resource: !GetAtt Queue.Arn
All:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern: {source: [shop]}
    Targets: [{Id: queue, Arn: !GetAtt Queue.Arn}]
Work:
  Type: AWS::Serverless::Function
  Properties:
    InlineCode: |
      import json, os, boto3
      def handler(event, context):
          detail = json.dumps({"text": "x" * int(os.environ["LENGTH"])})
          entry = {"EventBusName": os.environ["BUS"], "Source": "shop", "DetailType": "OrderPlaced", "Detail": detail}
          boto3.client("events").put_events(Entries=[entry])
    Policies: [{EventBridgePutEventsPolicy: {EventBusName: !Ref Bus}}]
    Environment: {Variables: {BUS: !Ref Bus, LENGTH: "2000000"}}
""",
        invoke,
        "too-large",
        "What function Work gave to bus Bus is too large for it: Total size of the entries in the request is over the "
        "limit.",
        {'"2000000"': '"2000"'},
    ),
    BrokenStack(
        "a message that its queue takes for a repetition",
        """
Queue:
  Type: AWS::SQS::Queue
  Properties:
    FifoQueue: true
    ContentBasedDeduplication: true  # <- here
""",
        twice,
        "duplicate-dropped",
        "Queue Queue dropped a message as a repetition, as its content is that of one before it (ContentBasedDeduplication).",
        {"FifoQueue: true\n    ContentBasedDeduplication: true": "VisibilityTimeout: 30"},
        lost=False,
    ),
    BrokenStack(
        "two messages with one deduplication id",
        """
Queue:  # <- here
  Type: AWS::SQS::Queue
  Properties: {FifoQueue: true}
""",
        two_with_one_id,
        "duplicate-dropped",
        "Queue Queue dropped a message that is not the one it repeats: both have the deduplication id 'order'.",
        {"FifoQueue: true": "VisibilityTimeout: 30"},
    ),
]
