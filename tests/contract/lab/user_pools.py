"""Triggers of user pools that refuse."""

import contextlib

from botocore.exceptions import ClientError

from tests.contract.lab.broken_stack import BrokenStack, Stack


def signed_up(stack: Stack) -> None:
    with contextlib.suppress(ClientError):
        stack.aws("cognito-idp").sign_up(
            ClientId=stack.id("Client"), Username="someone@example.com", Password="Correct-horse-1"
        )


BROKEN: list[BrokenStack] = [
    BrokenStack(
        "a trigger of a user pool refuses",
        """
        Pool:
          Type: AWS::Cognito::UserPool
          Properties: {UsernameAttributes: [email]}
        Client:
          Type: AWS::Cognito::UserPoolClient
          Properties: {UserPoolId: !Ref Pool}
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Events:
              SignUp:  # <- here
                Type: Cognito
                Properties: {UserPool: !Ref Pool, Trigger: PreSignUp}
            InlineCode: |
              def handler(event, context):
                  raise ValueError("not from this domain")
        """,
        signed_up,
        "trigger-refused",
        "SignUp of user pool Pool was refused by its trigger PreSignUp: function Function raised ValueError: not "
        "from this domain (index.py, line 2).",
        fixed={'raise ValueError("not from this domain")': "return event"},
    ),
]
