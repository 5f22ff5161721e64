"""Schedules without an effect, and runs that do not reach their target."""

from tests.contract.lab.broken_stack import BrokenStack, Stack

RAISES_NOTHING = "def handler(event, context): pass"


def fire(name: str):
    def stimulate(stack: Stack) -> None:
        stack.target.harness.fire("schedule", schedule=stack.id(name))

    return stimulate


BROKEN = [
    BrokenStack(
        "a scheduled rule is disabled",
        f"""
        Work: {{Type: AWS::Serverless::Function, Properties: {{InlineCode: "{RAISES_NOTHING}"}}}}
        MayWork:
          Type: AWS::Lambda::Permission
          Properties: {{FunctionName: !Ref Work, Action: lambda:InvokeFunction, Principal: events.amazonaws.com}}
        Nightly:
          Type: AWS::Events::Rule
          Properties:
            ScheduleExpression: cron(0 3 * * ? *)
            State: DISABLED  # <- here
            Targets: [{{Id: work, Arn: !GetAtt Work.Arn}}]
        """,
        fire("Nightly"),
        "schedule-disabled",
        "Rule Nightly is disabled, so cron(0 3 * * ? *) reaches no target.",
        fixed={"State: DISABLED": "State: ENABLED"},
    ),
    BrokenStack(
        "the role of a schedule may not invoke its function",
        f"""
        Work: {{Type: AWS::Serverless::Function, Properties: {{InlineCode: "{RAISES_NOTHING}"}}}}
        Role:
          Type: AWS::IAM::Role
          Properties:
            AssumeRolePolicyDocument:
              Statement: {{Effect: Allow, Principal: {{Service: scheduler.amazonaws.com}}, Action: sts:AssumeRole}}
            Policies:  # <- here
              - PolicyName: invoke
                PolicyDocument:
                  Statement: {{Effect: Allow, Action: lambda:GetFunction, Resource: !GetAtt Work.Arn}}
        Nightly:
          Type: AWS::Scheduler::Schedule
          Properties:
            ScheduleExpression: rate(1 day)
            FlexibleTimeWindow: {{Mode: "OFF"}}
            Target: {{Arn: !GetAtt Work.Arn, RoleArn: !GetAtt Role.Arn}}
        """,
        fire("Nightly"),
        "role-not-allowed",
        "Schedule Nightly could not hand the event to function Work: its role Role may not lambda:InvokeFunction.",
        fixed={"lambda:GetFunction": "lambda:InvokeFunction"},
    ),
]
