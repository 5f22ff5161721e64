"""Executions of state machines that fail, or wait for what does not come."""

import contextlib
import json

from botocore.exceptions import ClientError

from tests.contract.lab.broken_stack import BrokenStack, Stack


def started(stack: Stack) -> None:
    stack.aws("stepfunctions").start_execution(stateMachineArn=stack.id("Machine"), input=json.dumps({"order": 1}))


def called_back(stack: Stack) -> None:
    started(stack)
    [message] = stack.aws("sqs").receive_message(QueueUrl=stack.id("Queue"), WaitTimeSeconds=20)["Messages"]
    with contextlib.suppress(ClientError):
        stack.aws("stepfunctions").send_task_success(taskToken=json.loads(message["Body"])["token"], output="{}")


WAITS = """
Machine:
  Type: AWS::Serverless::StateMachine
  Properties:
    Policies: [{SQSSendMessagePolicy: {QueueName: !GetAtt Queue.QueueName}}]
    Definition:
      StartAt: Ask
      States:
        Ask:%s
          Type: Task
          Resource: arn:aws:states:::sqs:sendMessage.waitForTaskToken
          Parameters: {QueueUrl: !Ref Queue, MessageBody: {token.$: $$.Task.Token}}%s
          End: true
Queue:
  Type: AWS::SQS::Queue
"""
NOT_WAITING = {".waitForTaskToken": "", "$$.Task.Token": "$$.Execution.Id"}
HERE = "  # <- here"

BROKEN: list[BrokenStack] = [
    BrokenStack(
        "a task fails, and nothing catches it",
        """
        Machine:
          Type: AWS::Serverless::StateMachine
          Properties:
            Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Function}}]
            Definition:
              StartAt: Charge
              States:
                Charge:  # <- here
                  Type: Task
                  Resource: !GetAtt Function.Arn
                  End: true
        Function:
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  return event["customer"]
        """,
        started,
        "state-failed",
        "State Charge of state machine Machine failed, and nothing catches that: function Function raised KeyError: "
        "'customer' (index.py, line 2).",
        fixed={
            "End: true": "End: true\n          Catch: [{ErrorEquals: [States.ALL], Next: Done}]\n        Done: {Type: Succeed}"
        },
    ),
    BrokenStack(
        "a task fails for good, is caught, and the execution fails on purpose",
        """
        Machine:
          Type: AWS::Serverless::StateMachine
          Properties:
            Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Function}}]
            Definition:
              StartAt: Charge
              States:
                Charge:  # <- here
                  Type: Task
                  Resource: !GetAtt Function.Arn
                  Retry: [{ErrorEquals: [KeyError], IntervalSeconds: 1, MaxAttempts: 1}]
                  Catch: [{ErrorEquals: [KeyError], Next: Tidy}]
                  End: true
                Tidy: {Type: Pass, Next: Failed}
                Failed: {Type: Fail, Error: NotCharged, Cause: nobody paid}
        Function:
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  return event["customer"]
        """,
        started,
        "caught-and-failed",
        "State Charge of state machine Machine failed 2 times: function Function raised KeyError: 'customer' (index.py, line "
        "2); its Catch went on, and the execution came to its state Failed, which fails with NotCharged: nobody paid.",
        fixed={'event["customer"]': 'event["order"]'},
    ),
    BrokenStack(
        "a heartbeat is missed, that is caught, and the execution fails with it",
        WAITS.replace(
            "End: true",
            "Catch: [{ErrorEquals: [States.HeartbeatTimeout], Next: Failed}]\n          End: true\n"
            "        Failed: {Type: Fail, ErrorPath: $.Error, CausePath: $.Cause}",
        )
        % ("", "\n          HeartbeatSeconds: 1" + HERE),
        started,
        "caught-and-failed",
        "State Ask of state machine Machine failed: no heartbeat with its task token arrived within 1 second; its Catch went "
        "on, and the execution came to its state Failed.",
        fixed=NOT_WAITING,
    ),
    BrokenStack(
        "no choice matches",
        """
        Machine:
          Type: AWS::Serverless::StateMachine
          Properties:
            Definition:
              StartAt: Which
              States:
                Which:  # <- here
                  Type: Choice
                  Choices:
                    - {Variable: $.order, NumericEquals: 2, Next: Done}
                Done: {Type: Succeed}
        """,
        started,
        "no-choice-matched",
        "State Which of state machine Machine failed: none of its choices matches its input, and it has no Default.",
        fixed={"NumericEquals: 2": "NumericEquals: 1"},
    ),
    BrokenStack(
        "a heartbeat is missed",
        WAITS % ("", "\n          HeartbeatSeconds: 1" + HERE),
        started,
        "heartbeat-missed",
        "State Ask of state machine Machine failed: no heartbeat with its task token arrived within 1 second.",
        fixed=NOT_WAITING,
    ),
    BrokenStack(
        "a task is not called back in time",
        WAITS % ("", "\n          TimeoutSeconds: 1" + HERE),
        started,
        "task-timed-out",
        "State Ask of state machine Machine failed: no callback for its task arrived within 1 second.",
        fixed={**NOT_WAITING, "TimeoutSeconds: 1": "TimeoutSeconds: 60"},
    ),
    BrokenStack(
        "a task waits to be called back",
        WAITS % (HERE, ""),
        started,
        "callback-awaited",
        "State Ask of state machine Machine has waited to be called back since … UTC.",
        fixed=NOT_WAITING,
        lost=False,
        until=lambda flow: flow.settle(waiting_for="Ask"),
    ),
    BrokenStack(
        "a task is called back with a token that is not its own",
        (WAITS % (HERE, "")).replace("$$.Task.Token", "$$.Execution.Id"),
        called_back,
        "token-refused",
        "SendTaskSuccess was refused (InvalidToken): no task has that token, and state Ask of state machine Machine "
        "still waits to be called back.",
        fixed={"$$.Execution.Id": "$$.Task.Token"},
        until=lambda flow: flow.settle(waiting_for="Ask"),
    ),
]
