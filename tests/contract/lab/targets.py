"""Rules and topics whose target refuses their deliveries
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html)."""

from tests.contract.lab.broken_stack import BrokenStack, Stack
from tests.contract.lab.event_bus import BUS, WORK, put

RULE = """
Placed:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref Bus
    EventPattern: {source: [shop]}
    Targets:
"""
ADMITTED = """
  Type: AWS::SQS::QueuePolicy
  Properties:
    Queues: [!Ref Dead]
    PolicyDocument:
      Statement:
        Effect: Allow
        Principal: {Service: events.amazonaws.com}
        Action: sqs:SendMessage
        Resource: !GetAtt Dead.Arn
"""
PERMISSION = WORK.strip("\n").partition("\n")[2]


def publish(**options: object):
    def stimulate(stack: Stack) -> None:
        stack.aws("sns").publish(TopicArn=stack.id("Topic"), **{"Message": "{}", **options})

    return stimulate


BROKEN = [
    BrokenStack(
        "a rule without a permission on its function",
        f"""
{BUS}
Work: {{Type: AWS::Serverless::Function, Properties: {{InlineCode: "def handler(event, context): pass"}}}}
{RULE}      - {{Id: work, Arn: !GetAtt Work.Arn}}  # <- here
""",
        put(),
        "lambda-permission-missing",
        "Rule Placed could not hand the event to function Work: no Lambda permission lets events.amazonaws.com invoke it.",
        {"Placed:": PERMISSION + "\nPlaced:"},
    ),
    BrokenStack(
        "a permission for another rule",
        f"""
{BUS}
Work: {{Type: AWS::Serverless::Function, Properties: {{InlineCode: "def handler(event, context): pass"}}}}
MayWork:  # <- here
  Type: AWS::Lambda::Permission
  Properties:
    FunctionName: !Ref Work
    Action: lambda:InvokeFunction
    Principal: events.amazonaws.com
    SourceArn: !GetAtt Other.Arn
Other:
  Type: AWS::Events::Rule
  Properties: {{EventBusName: !Ref Bus, EventPattern: {{source: [elsewhere]}}}}
{RULE}      - {{Id: work, Arn: !GetAtt Work.Arn}}
""",
        put(),
        "permission-of-another-source",
        "Rule Placed could not hand the event to function Work: its permission MayWork is for Other, not for Placed.",
        {"!GetAtt Other.Arn": "!GetAtt Placed.Arn"},
    ),
    BrokenStack(
        "a target with the wrong ARN",
        f"""
{BUS}
Work: {{Type: AWS::SQS::Queue}}
Dead: {{Type: AWS::SQS::Queue}}
Admitted:{ADMITTED}
Policy:{ADMITTED.replace("Dead", "Work")}
{RULE}      - Id: work  # <- here
        Arn: !Sub "arn:aws:sqs:${{AWS::Region}}:${{AWS::AccountId}}:works"
        DeadLetterConfig: {{Arn: !GetAtt Dead.Arn}}
""",
        put(),
        "target-missing",
        "Rule Placed could not hand the event to queue works: there is none of that name; it is kept in "
        "dead-letter queue Dead.",
        lost=False,
        fixed={'!Sub "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:works"': "!GetAtt Work.Arn"},
    ),
    BrokenStack(
        "a role without the right",
        f"""
{BUS}
Machine:
  Type: AWS::Serverless::StateMachine
  Properties: {{Definition: {{StartAt: Done, States: {{Done: {{Type: Succeed}}}}}}}}
Starts:
  Type: AWS::IAM::Role
  Properties:
    AssumeRolePolicyDocument:
      Statement: [{{Effect: Allow, Principal: {{Service: events.amazonaws.com}}, Action: sts:AssumeRole}}]
    Policies:  # <- here
      - PolicyName: starts
        PolicyDocument:
          Statement: [{{Effect: Allow, Action: states:DescribeStateMachine, Resource: !Ref Machine}}]
{RULE}      - {{Id: machine, Arn: !Ref Machine, RoleArn: !GetAtt Starts.Arn}}
""",
        put(),
        "role-not-allowed",
        "Rule Placed could not hand the event to state machine Machine: its role Starts may not states:StartExecution.",
        {"states:DescribeStateMachine": "states:StartExecution"},
    ),
    BrokenStack(
        "a queue that does not let its topic in",
        """
Topic: {Type: AWS::SNS::Topic}
Queue: {Type: AWS::SQS::Queue}
ToQueue:  # <- here
  Type: AWS::SNS::Subscription
  Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn}
""",
        publish(),
        "policy-refused",
        "Topic Topic could not hand the event to queue Queue: its policy does not let sns.amazonaws.com in.",
        {
            "ToQueue:": """Policy:
  Type: AWS::SQS::QueuePolicy
  Properties:
    Queues: [!Ref Queue]
    PolicyDocument:
      Statement:
        {Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn}
ToQueue:"""
        },
    ),
    BrokenStack(
        "a dead-letter queue that does not let its rule in",
        f"""
{BUS}
Work: {{Type: AWS::Serverless::Function, Properties: {{InlineCode: "def handler(event, context): pass"}}}}
Dead: {{Type: AWS::SQS::Queue}}
{RULE}      - Id: work
        Arn: !GetAtt Work.Arn
        DeadLetterConfig: {{Arn: !GetAtt Dead.Arn}}  # <- here
""",
        put(),
        "dead-letter-queue-refused",
        "Rule Placed could not hand the event to function Work: no Lambda permission lets events.amazonaws.com invoke it; "
        "and dead-letter queue Dead did not take it either, so it is gone: its policy does not let events.amazonaws.com in.",
        {"Placed:": PERMISSION + "\nPlaced:"},
    ),
    BrokenStack(
        "a dead-letter queue whose policy is for another",
        f"""
{BUS}
Work: {{Type: AWS::Serverless::Function, Properties: {{InlineCode: "def handler(event, context): pass"}}}}
Dead: {{Type: AWS::SQS::Queue}}
Admitted:{ADMITTED.replace("events.amazonaws", "sns.amazonaws").replace("PolicyDocument:", "PolicyDocument:  # <- here")}
{RULE}      - Id: work
        Arn: !GetAtt Work.Arn
        DeadLetterConfig: {{Arn: !GetAtt Dead.Arn}}
""",
        put(),
        "dead-letter-queue-refused",
        "Rule Placed could not hand the event to function Work: no Lambda permission lets events.amazonaws.com invoke it; "
        "and dead-letter queue Dead did not take it either, so it is gone: its policy does not let events.amazonaws.com in.",
        {"Placed:": PERMISSION + "\nPlaced:"},
    ),
]
