"""Functions whose role does not have a permission, or is denied it."""

import json

from tests.contract.lab.broken_stack import BrokenStack, Stack

STORES = """\
InlineCode: |
              import os, boto3
              table = boto3.client("dynamodb")
              def handler(event, context):
                  table.put_item(TableName=os.environ["TABLE"], Item={"id": {"S": event["order"]}})
            EventInvokeConfig: {MaximumRetryAttempts: 0}
            Environment: {Variables: {TABLE: !Ref Orders}}"""
TABLES = """\
Orders:
          Type: AWS::DynamoDB::Table
          Properties:
            BillingMode: PAY_PER_REQUEST
            AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
            KeySchema: [{AttributeName: id, KeyType: HASH}]"""


def sent(stack: Stack) -> None:
    """An asynchronous event: the sender does not see the refusal."""
    payload = json.dumps({"order": "1"})
    stack.aws("lambda").invoke(FunctionName=stack.id("Function"), InvocationType="Event", Payload=payload)


BROKEN: list[BrokenStack] = [
    BrokenStack(
        "a role lacks the right to what its function does",
        f"""
        {TABLES}
        Function:
          Type: AWS::Serverless::Function
          Properties:
            {STORES}
            Policies:  # <- here
              - Statement: [{{Effect: Allow, Action: "dynamodb:GetItem", Resource: !GetAtt Orders.Arn}}]
        """,
        sent,
        "access-denied",
        "the role FunctionRole of function Function may not dynamodb:PutItem on table Orders: no statement of its policies "
        "allows it.",
        fixed={"dynamodb:GetItem": "dynamodb:PutItem"},
    ),
    BrokenStack(
        "a role has the right on another resource",
        f"""
        {TABLES}
        Function:
          Type: AWS::Serverless::Function
          Properties:
            {STORES}
            Policies:
              - Statement:
                  - Effect: Allow  # <- here
                    Action: dynamodb:PutItem
                    Resource: !Sub arn:aws:dynamodb:us-east-1:000000000000:table/others
        """,
        sent,
        "access-denied",
        "the role FunctionRole of function Function may not dynamodb:PutItem on table Orders: no statement of its policies "
        "allows it; Statement[0] of FunctionRolePolicy0 is about arn:aws:dynamodb:us-east-1:000000000000:table/others.",
        fixed={"!Sub arn:aws:dynamodb:us-east-1:000000000000:table/others": "!GetAtt Orders.Arn"},
    ),
    BrokenStack(
        "a statement denies what another allows",
        f"""
        {TABLES}
        Function:
          Type: AWS::Serverless::Function
          Properties:
            {STORES}
            Policies:
              - Statement:
                  - {{Effect: Allow, Action: "dynamodb:*", Resource: !GetAtt Orders.Arn}}
                  - {{Sid: ReadOnly, Effect: Deny, Action: "dynamodb:Put*", Resource: "*"}}  # <- here
        """,
        sent,
        "access-denied-explicitly",
        "the role FunctionRole of function Function may not dynamodb:PutItem on table Orders: ReadOnly of "
        "FunctionRolePolicy0 denies it.",
        fixed={"dynamodb:Put*": "dynamodb:Delete*"},
    ),
]
