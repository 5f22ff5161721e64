"""Messages of topics that are filtered out, or that come in another form than the function expects
(https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html)."""

import json

from harness.flow import Flow
from harness.journal.records import Kind
from tests.contract.lab.broken_stack import BrokenStack
from tests.contract.lab.targets import publish

TO_QUEUE = """
Topic: {Type: AWS::SNS::Topic}
Queue: {Type: AWS::SQS::Queue}
Policy:
  Type: AWS::SQS::QueuePolicy
  Properties:
    Queues: [!Ref Queue]
    PolicyDocument:
      Statement:
        {Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn}
ToQueue:
  Type: AWS::SNS::Subscription
  Properties:
    TopicArn: !Ref Topic
    Protocol: sqs
    Endpoint: !GetAtt Queue.Arn
"""
WORK = """
Work:
  Type: AWS::Serverless::Function
  Properties:
    InlineCode: |
      import json
      def handler(event, context):
          for record in event["Records"]:
              CODE
    Policies: [{SQSPollerPolicy: {QueueName: !GetAtt Queue.QueueName}}]
    Events: {Queue: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}}
"""
ORDER = json.dumps({"order_id": 7, "region": "eu"})


def failed(flow: Flow) -> None:
    """The message comes again and again, and once is enough to say why."""
    flow.wait_until(lambda f: any(batch.data.get("failed") for batch in f.find(Kind.BATCH)))


BROKEN = [
    BrokenStack(
        "a filter policy on attributes instead of the body",
        f"""
{TO_QUEUE.rstrip()}
    FilterPolicy:
      region: [eu]  # <- here
""",
        publish(Message=ORDER),
        "filter-policy-scope",
        "Subscription ToQueue of topic Topic refused the message: its filter policy is about the message's attributes, and "
        "region is in the body (FilterPolicyScope: MessageBody would take it).",
        {"FilterPolicy:": "FilterPolicyScope: MessageBody\n    FilterPolicy:"},
    ),
    BrokenStack(
        "a filter policy on the body instead of the attributes",
        f"""
{TO_QUEUE.rstrip()}
    FilterPolicyScope: MessageBody  # <- here
    FilterPolicy:
      region: [eu]
""",
        publish(Message="hello", MessageAttributes={"region": {"DataType": "String", "StringValue": "eu"}}),
        "filter-policy-scope",
        "Subscription ToQueue of topic Topic refused the message: its filter policy is about the message's body, and "
        "region is in the attributes (FilterPolicyScope: MessageAttributes would take it).",
        {"FilterPolicyScope: MessageBody": "FilterPolicyScope: MessageAttributes"},
    ),
    BrokenStack(
        "a filter policy that wants another value",
        f"""
{TO_QUEUE.rstrip()}
    FilterPolicyScope: MessageBody
    FilterPolicy:
      order_id: [7]
      region: [EU]  # <- here
""",
        publish(Message=ORDER),
        "filter-policy-refused",
        "No subscription took the message: subscription ToQueue of topic Topic, the only one with a filter policy, refused "
        "region: it wants 'EU', the message has 'eu' (case counts).",
        {"[EU]": "[eu]"},
    ),
    BrokenStack(
        "a message that comes wrapped",
        f"""
{TO_QUEUE.rstrip()}
    RawMessageDelivery: false  # <- here
{WORK.replace("CODE", 'print(json.loads(record["body"])["order_id"])')}
""",
        publish(Message=ORDER),
        "raw-delivery-expected",
        "As subscription ToQueue of topic Topic wraps the message in a notification, and function Work expects it raw, it "
        "raised KeyError: 'order_id' (index.py, line 4) in its only attempt; the message of queue Queue is shown "
        "again.",
        {"false": "true"},
        lost=False,
        until=failed,
    ),
    BrokenStack(
        "a message that comes raw",
        f"""
{TO_QUEUE.rstrip()}
    RawMessageDelivery: true  # <- here
{WORK.replace("CODE", 'print(json.loads(json.loads(record["body"])["Message"]))')}
""",
        publish(Message=ORDER),
        "raw-delivery-unexpected",
        "As subscription ToQueue of topic Topic delivers the message raw, and function Work expects a notification, it "
        "raised KeyError: 'Message' (index.py, line 4) in its only attempt; the message of queue Queue is shown "
        "again.",
        {"true": "false"},
        lost=False,
        until=failed,
    ),
    BrokenStack(
        "a topic without a subscription",
        """
Topic: {Type: AWS::SNS::Topic}  # <- here
""",
        publish(),
        "no-subscription",
        "Topic Topic has no subscription, so the message was not delivered.",
        {"Topic: {Type: AWS::SNS::Topic}": TO_QUEUE.strip()},
    ),
]
