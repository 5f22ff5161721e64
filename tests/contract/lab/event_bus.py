"""Events that match no rule, and rules that cannot deliver what they matched."""

import json

from tests.contract.lab.broken_stack import BrokenStack, Stack

BUS = """
Bus: {Type: AWS::Events::EventBus, Properties: {Name: !Sub "${AWS::StackName}"}}
"""
WORK = """
Work: {Type: AWS::Serverless::Function, Properties: {InlineCode: "def handler(event, context): pass"}}
MayWork:
  Type: AWS::Lambda::Permission
  Properties: {FunctionName: !Ref Work, Action: lambda:InvokeFunction, Principal: events.amazonaws.com}
"""
TAKEN = """Properties: {Name: !Sub "${AWS::StackName}"}
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
"""


def put(detail_type: str = "OrderPlaced", bus: str = "Bus", **detail: object):
    def stimulate(stack: Stack) -> None:
        entry = {
            "EventBusName": stack.id(bus),
            "Source": "shop",
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        answer = stack.aws("events").put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer

    return stimulate


BROKEN = [
    BrokenStack(
        "a pattern that is off by one field",
        f"""
{BUS}
{WORK}
Large:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern:
      source: [shop]
      detail-type: [OrderPlaced]
      detail:
        total: [{{numeric: [">", 100]}}]  # <- here
    Targets: [{{Id: work, Arn: !GetAtt Work.Arn}}]
Cancelled:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern: {{source: [shop], detail-type: [OrderCancelled], detail: {{total: [{{numeric: ["<", 0]}}]}}}}
    Targets: [{{Id: work, Arn: !GetAtt Work.Arn}}]
""",
        put(total=50),
        "pattern-refused",
        "No rule took the event 'OrderPlaced' of 'shop': Large, the nearest of 2, refused detail.total: it wants a number "
        "> 100, the event has 50.",
        {'[">", 100]': '[">", 10]'},
    ),
    BrokenStack(
        "a detail type that is written otherwise",
        f"""
{BUS}
{WORK}
Placed:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern:
      source: [shop]
      detail-type: [Order Placed]  # <- here
    Targets: [{{Id: work, Arn: !GetAtt Work.Arn}}]
""",
        put(),
        "pattern-refused",
        "No rule took the event 'OrderPlaced' of 'shop': Placed, the only rule, refused detail-type: it wants "
        "'Order Placed', the event has 'OrderPlaced'.",
        {"Order Placed": "OrderPlaced"},
    ),
    BrokenStack(
        "a rule that takes everything does not hide the one that nearly took it",
        f"""
{BUS}
{WORK}
Log:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern: {{account: [!Ref AWS::AccountId]}}
    Targets: [{{Id: work, Arn: !GetAtt Work.Arn}}]
Placed:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern:
      detail-type: [OrderPlaced]
      detail:
        currency: [EUR]  # <- here
    Targets: [{{Id: work, Arn: !GetAtt Work.Arn}}]
""",
        put(currency="eur"),
        "pattern-refused",
        "Only rule Log took the event 'OrderPlaced' of 'shop': Placed, which nearly did, refused detail.currency: it wants "
        "'EUR', the event has 'eur' (case counts).",
        {"[EUR]": "[eur]"},
        lost=False,
    ),
    BrokenStack(
        "a disabled rule",
        f"""
{BUS}
{WORK}
Placed:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern: {{source: [shop]}}
    State: DISABLED  # <- here
    Targets: [{{Id: work, Arn: !GetAtt Work.Arn}}]
""",
        put(),
        "rule-disabled",
        "No rule took the event 'OrderPlaced' of 'shop': rule Placed, whose pattern matches it, is disabled.",
        {"DISABLED": "ENABLED"},
    ),
    BrokenStack(
        "a bus that nobody listens to",
        """
Bus:  # <- here
  Type: AWS::Events::EventBus
  Properties: {Name: !Sub "${AWS::StackName}"}
""",
        put(),
        "no-rule",
        "Bus Bus has no rule that could take the event 'OrderPlaced' of 'shop'.",
        {"# <- here": "", 'Properties: {Name: !Sub "${AWS::StackName}"}': TAKEN},
    ),
    BrokenStack(
        "an event that is not as its schema says",
        f"""
{BUS}
Work:  # <- here
  Type: AWS::Serverless::Function
  Properties:
    InlineCode: |
      class SchemaValidationError(Exception):
          pass
      def handler(event, context):
          if "total" not in event["detail"]:
              raise SchemaValidationError("data must contain ['total'] properties")
MayWork:
  Type: AWS::Lambda::Permission
  Properties: {{FunctionName: !Ref Work, Action: lambda:InvokeFunction, Principal: events.amazonaws.com}}
Placed:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern: {{source: [shop]}}
    Targets: [{{Id: work, Arn: !GetAtt Work.Arn}}]
""",
        put(sum=50),
        "schema-violation",
        "Function Work refused what it was given, SchemaValidationError: data must contain ['total'] properties (index.py, "
        "line 5) in each of 3 attempts; the event is lost, as the function has no dead-letter queue and no destination for "
        "failures.",
        {'"total" not in': '"sum" not in'},
    ),
]
