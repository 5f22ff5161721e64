"""Functions that do not handle what they are given."""

import json

from tests.contract.lab.broken_stack import BrokenStack, Stack


def _send(stack: Stack) -> None:
    stack.aws("lambda").invoke(
        FunctionName=stack.id("Function"), InvocationType="Event", Payload=json.dumps({"order": 1})
    )


BROKEN = [
    BrokenStack(
        "a handler raises, and nothing keeps the event",
        """
        Function:
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  return event["customer"]  # <- here
        """,
        _send,
        "handler-raised",
        "",
        mended={'event["customer"]': 'event["order"]'},
    ),
]
