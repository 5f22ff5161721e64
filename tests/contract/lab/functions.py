"""Functions that do not handle what they are given."""

import contextlib
import json

from botocore.exceptions import ClientError

from tests.contract.lab.broken_stack import BrokenStack, Stack

ORDER = json.dumps({"order": 1})


def sent(stack: Stack) -> None:
    """An asynchronous event."""
    stack.aws("lambda").invoke(FunctionName=stack.id("Function"), InvocationType="Event", Payload=ORDER)


def called(stack: Stack) -> None:
    """An event whose sender waits for the result."""
    with contextlib.suppress(ClientError):
        stack.aws("lambda").invoke(FunctionName=stack.id("Function"), Payload=ORDER)


BROKEN: list[BrokenStack] = [
    BrokenStack(
        "a handler raises, and nothing keeps the event",
        """
        Function:  # <- here
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  print(event)
                  return event["customer"]
        """,
        sent,
        "handler-raised",
        "Function Function raised KeyError: 'customer' (index.py, line 3) in each of 3 attempts; the event is lost, "
        "as the function has no dead-letter queue and no destination for failures.",
        fixed={'event["customer"]': 'event["order"]'},
    ),
    BrokenStack(
        "a handler raises, and a dead-letter queue keeps the event",
        """
        Function:  # <- here
          Type: AWS::Serverless::Function
          Properties:
            EventInvokeConfig: {MaximumRetryAttempts: 0}
            DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Dead.Arn}
            InlineCode: |
              import json
              def handler(event, context):
                  total(event)
              def total(event):
                  raise ValueError(f"no total:\\n{json.dumps(event)}")
        Dead:
          Type: AWS::SQS::Queue
        """,
        sent,
        "handler-raised",
        "Function Function raised ValueError: no total (index.py, line 5) in its only attempt; the event is kept in "
        "queue Dead.",
        fixed={"total(event)\n": "return event\n"},
        lost=False,
    ),
    BrokenStack(
        "a function takes longer than its timeout",
        """
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Timeout: 1  # <- here
            InlineCode: |
              import time
              def handler(event, context):
                  time.sleep(60)
        """,
        called,
        "function-timed-out",
        "Function Function did not end within its timeout of 1 second.",
        fixed={"time.sleep(60)": "pass", "Timeout: 1": "Timeout: 5"},
    ),
    BrokenStack(
        "a function needs more memory than it has",
        """
        Function:
          Type: AWS::Serverless::Function
          Properties:
            MemorySize: 128  # <- here
            InlineCode: |
              import time
              def handler(event, context):
                  kept = bytearray(200_000_000)
                  time.sleep(4)
        """,
        called,
        "out-of-memory",
        "Function Function was killed, as it used more memory than the 128 MB that it has.",
        fixed={"200_000_000": "200", "time.sleep(4)": "pass"},
    ),
    BrokenStack(
        "a function imports a package that it does not bring",
        """
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Handler: index.handler  # <- here
            InlineCode: |
              import package_that_is_missing
              def handler(event, context):
                  pass
        """,
        called,
        "import-failed",
        "Function Function cannot be loaded: Unable to import module 'index': No module named "
        "'package_that_is_missing'.",
        fixed={"import package_that_is_missing": "import json"},
    ),
    BrokenStack(
        "a function's handler is not in its module",
        """
        Function:
          Type: AWS::Serverless::Function
          Properties:
            Handler: index.handle  # <- here
            InlineCode: |
              def handler(event, context):
                  pass
        """,
        called,
        "handler-not-found",
        "Function Function cannot be loaded: Handler 'handle' missing on module 'index'.",
        fixed={"index.handle ": "index.handler "},
    ),
    BrokenStack(
        "a function fails while it is loaded",
        """
        Function:  # <- here
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              import os
              TABLE = os.environ["TABLE_NAME"]
              def handler(event, context):
                  pass
        """,
        called,
        "init-failed",
        "Function Function raised KeyError: 'TABLE_NAME' (index.py, line 2) while it was loaded.",
        fixed={'os.environ["TABLE_NAME"]': "None"},
    ),
    BrokenStack(
        "a function may not run at all",
        """
        Function:
          Type: AWS::Serverless::Function
          Properties:
            ReservedConcurrentExecutions: 0  # <- here
            InlineCode: |
              def handler(event, context):
                  pass
        """,
        sent,
        "function-throttled",
        "Function Function never runs, as its reserved concurrency is 0; the event is lost, as the function has no "
        "dead-letter queue and no destination for failures.",
        fixed={"ReservedConcurrentExecutions: 0": "ReservedConcurrentExecutions: 1"},
    ),
    BrokenStack(
        "a function is called that may not run at all",
        """
        Function:
          Type: AWS::Serverless::Function
          Properties:
            ReservedConcurrentExecutions: 0  # <- here
            InlineCode: |
              def handler(event, context):
                  pass
        """,
        called,
        "function-throttled",
        "Function Function never runs, as its reserved concurrency is 0.",
        fixed={"ReservedConcurrentExecutions: 0": "ReservedConcurrentExecutions: 1"},
    ),
]
