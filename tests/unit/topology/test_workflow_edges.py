"""Edges from all else that starts or watches something, from plain CloudFormation."""

import pytest

from harness.topology import NodeId
from harness.topology.edges import (
    AlarmCondition,
    LogCondition,
    MetricCondition,
    NamedCondition,
    TaskCondition,
)
from tests.unit.topology.reading import FUNCTION, edges


def test_alarms_actions_and_log_subscriptions_are_edges(topology):
    found = topology(
        ops=f"""
Resources:{FUNCTION}
  Dead: {{Type: AWS::SQS::Queue}}
  Ops: {{Type: AWS::SNS::Topic}}
  Depth:
    Type: AWS::CloudWatch::Alarm
    Properties:
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{{Name: QueueName, Value: !GetAtt Dead.QueueName}}]
      Statistic: Maximum
      Period: 60
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
      AlarmActions: [!Ref Ops]
      OKActions: [!Ref Ops]
  Logs: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: !Sub "/aws/lambda/${{Work}}"}}}}
  Errors:
    Type: AWS::Logs::SubscriptionFilter
    Properties: {{LogGroupName: !Ref Logs, FilterPattern: ERROR, DestinationArn: !GetAtt Work.Arn}}
"""
    )
    metric = MetricCondition("ApproximateNumberOfMessagesVisible", "Maximum", "GreaterThanThreshold", 0, 60)
    assert edges(found, "metric") == [("ops.Dead", "ops.Depth", metric)]
    assert edges(found, "alarm_action") == [
        ("ops.Depth", "ops.Ops", AlarmCondition("ALARM")),
        ("ops.Depth", "ops.Ops", AlarmCondition("OK")),
    ]
    assert edges(found, "log_subscription") == [("ops.Logs", "ops.Work", LogCondition("ERROR"))]
    assert edges(found, "logs") == [("ops.Work", "ops.Logs", None)]


def test_triggers_of_pools_and_repositories_are_edges(topology):
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Pool:
    Type: AWS::Cognito::UserPool
    Properties:
      LambdaConfig:
        PreSignUp: !GetAtt Work.Arn
        PreTokenGenerationConfig: {{LambdaArn: !GetAtt Work.Arn, LambdaVersion: V2_0}}
  Code:
    Type: AWS::CodeCommit::Repository
    Properties: {{RepositoryName: site, Triggers: [{{Name: push, DestinationArn: !GetAtt Work.Arn, Events: [all]}}]}}
  Seed: {{Type: Custom::Seed, Properties: {{ServiceToken: !GetAtt Work.Arn}}}}
  Allowed:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Work
      Action: lambda:InvokeFunction
      Principal: codecommit.amazonaws.com
      SourceArn: !GetAtt Code.Arn
"""
    )
    assert [condition for _, _, condition in edges(found, "user_pool_trigger")] == [
        NamedCondition("PreSignUp"),
        NamedCondition("PreTokenGeneration"),
    ]
    assert edges(found, "repository_trigger") == [("shop.Code", "shop.Work", NamedCondition("push"))]
    assert edges(found, "custom_resource") == [("shop.Seed", "shop.Work", NamedCondition("Seed"))]
    [permission] = found.of_kind("permission")
    assert (str(permission.source), permission.condition.principal) == ("shop.Code", "codecommit.amazonaws.com")


STATES = """{
  "StartAt": "All",
  "States": {
    "All": {
      "Type": "Map",
      "ItemProcessor": {"StartAt": "Ask", "States": {
        "Ask": {
          "Type": "Task",
          "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
          "Parameters": {"QueueUrl": "${Inbox}"},
          "HeartbeatSeconds": 30,
          "Retry": [{"ErrorEquals": ["States.Timeout"]}],
          "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Told"}],
          "End": true
        },
        "Told": {"Type": "Task", "Resource": "${Work.Arn}", "End": true}
      }},
      "Next": "Publish"
    },
    "Publish": {
      "Type": "Task",
      "Resource": "arn:aws:states:::events:putEvents",
      "Parameters": {"Entries": [{"EventBusName": "shop", "Source": "a"}]},
      "End": true
    }
  }
}"""
ASK = TaskCondition(
    "Ask", "arn:aws:states:::sqs:sendMessage.waitForTaskToken", True, 30, ("States.Timeout",), ("States.ALL",)
)


@pytest.mark.parametrize("form", ["text", "file"])
def test_tasks_of_a_state_machine_wherever_its_definition_stands(topology, tmp_path, form):
    (tmp_path / "flow").mkdir()
    (tmp_path / "flow" / "states.asl.json").write_text(STATES)
    indented = STATES.replace("\n", "\n          ")
    definition = {
        "text": f"DefinitionString:\n        Fn::Sub: |\n          {indented}",
        "file": "DefinitionUri: states.asl.json\n"
        '      DefinitionSubstitutions: {Inbox: !Ref Inbox, "Work.Arn": !GetAtt Work.Arn}',
    }[form]
    found = topology(
        flow=f"""
Resources:{FUNCTION}
  Inbox: {{Type: AWS::SQS::Queue}}
  Bus: {{Type: AWS::Events::EventBus, Properties: {{Name: shop}}}}
  Flow:
    Type: AWS::{"Serverless" if form == "file" else "StepFunctions"}::StateMachine
    Properties:
      {definition}
"""
    )
    tasks = found.leaving(NodeId("flow", "Flow"), "task")
    assert {task.target.logical_id for task in tasks} == {"Inbox", "Work", "Bus"}
    [ask] = [task for task in tasks if task.target.logical_id == "Inbox"]
    assert ask.condition == ASK
    if form == "file":
        assert (ask.file.name, ask.line) == ("states.asl.json", 7)


def test_call_edges_follow_function_environment_and_role(topology):
    found = topology(
        shop="""
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: shop}}
  Work:
    Type: AWS::Lambda::Function
    Properties: {Role: !GetAtt Role.Arn, Environment: {Variables: {TABLE: !Ref Table, STAGE: dev}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: own
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: ["dynamodb:GetItem", "dynamodb:PutItem"], Resource: !GetAtt Table.Arn}
              - {Effect: Deny, Action: "events:PutEvents", Resource: !GetAtt Bus.Arn}
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      Roles: [!Ref Role]
      PolicyDocument: {Statement: {Effect: Allow, Action: "events:PutEvents", Resource: !GetAtt Bus.Arn}}
"""
    )
    calls = {edge.target.logical_id: edge for edge in found.of_kind("calls")}
    assert all(edge.inferred for edge in calls.values())
    assert calls["Table"].condition.environment == ("TABLE",)
    assert calls["Table"].condition.actions == ("dynamodb:GetItem", "dynamodb:PutItem")
    assert calls["Bus"].condition.actions == ("events:PutEvents",)
    assert calls["Bus"].line == 21
