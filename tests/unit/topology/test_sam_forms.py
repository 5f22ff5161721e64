"""A SAM template and the CloudFormation that AWS's translator makes of it are the same graph."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from harness.topology import Template, Topology, read_document, read_topology

SHOP = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: python3.13
    Handler: app.handler
    CodeUri: s3://bucket/key
    Environment:
      Variables:
        TABLE: !Ref Table
Resources:
  Table:
    Type: AWS::Serverless::SimpleTable
  Streamed:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Clicks:
    Type: AWS::Kinesis::Stream
    Properties: {ShardCount: 1}
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 4}
  Dead:
    Type: AWS::SQS::Queue
  News:
    Type: AWS::SNS::Topic
  Bus:
    Type: AWS::Events::EventBus
    Properties: {Name: shop}
  Pool:
    Type: AWS::Cognito::UserPool
  Uploads:
    Type: AWS::S3::Bucket
  Logs:
    Type: AWS::Logs::LogGroup
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      OpenApiVersion: 3.0.1
      Auth:
        DefaultAuthorizer: People
        Authorizers:
          People: {UserPoolArn: !GetAtt Pool.Arn}
          Machines: {FunctionArn: !GetAtt Check.Arn}
  Check:
    Type: AWS::Serverless::Function
  Work:
    Type: AWS::Serverless::Function
    Properties:
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Dead.Arn}
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        MaximumEventAgeInSeconds: 600
        DestinationConfig:
          OnSuccess: {Type: SNS, Destination: !Ref News}
          OnFailure: {Type: SQS}
      Policies:
        - SQSSendMessagePolicy: {QueueName: !GetAtt Orders.QueueName}
        - AWSLambdaBasicExecutionRole
        - Statement: [{Effect: Allow, Action: "events:PutEvents", Resource: !GetAtt Bus.Arn}]
      Events:
        Queue:
          Type: SQS
          Properties:
            Queue: !GetAtt Orders.Arn
            BatchSize: 5
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{"body": {"kind": ["a"]}}'}]}
            ScalingConfig: {MaximumConcurrency: 2}
        Table:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Streamed.StreamArn
            StartingPosition: LATEST
            MaximumRetryAttempts: 3
            BisectBatchOnFunctionError: true
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}
        Stream:
          Type: Kinesis
          Properties: {Stream: !GetAtt Clicks.Arn, StartingPosition: TRIM_HORIZON, ParallelizationFactor: 2}
        Topic:
          Type: SNS
          Properties:
            Topic: !Ref News
            FilterPolicy: {kind: [x]}
            RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn}
        Rule:
          Type: EventBridgeRule
          Properties:
            EventBusName: !Ref Bus
            Pattern: {source: [shop]}
            RetryPolicy: {MaximumRetryAttempts: 5}
            DeadLetterConfig: {Type: SQS, QueueLogicalId: Undelivered}
            Target: {Id: work}
        Nightly:
          Type: Schedule
          Properties: {Schedule: rate(1 day), Input: '{"a": 1}', Enabled: false}
        Hourly:
          Type: ScheduleV2
          Properties: {ScheduleExpression: rate(1 hour), DeadLetterConfig: {Arn: !GetAtt Dead.Arn}}
        Upload:
          Type: S3
          Properties:
            Bucket: !Ref Uploads
            Events: s3:ObjectCreated:*
            Filter: {S3Key: {Rules: [{Name: suffix, Value: .png}]}}
        Trigger:
          Type: Cognito
          Properties: {UserPool: !Ref Pool, Trigger: PreSignUp}
        Line:
          Type: CloudWatchLogs
          Properties: {LogGroupName: !Ref Logs, FilterPattern: ERROR}
        Get:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: "/orders/{id}", Method: get}
        Open:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: /open, Method: any, Auth: {Authorizer: NONE}}
        Implicit:
          Type: Api
          Properties: {Path: /implicit, Method: post}
        Http:
          Type: HttpApi
          Properties: {Path: /http, Method: get}
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition:
        StartAt: Ask
        States:
          Ask:
            Type: Task
            Resource: arn:aws:states:::lambda:invoke.waitForTaskToken
            Parameters: {FunctionName: "${WorkArn}"}
            HeartbeatSeconds: 60
            Retry: [{ErrorEquals: [States.Timeout]}]
            Catch: [{ErrorEquals: [States.ALL], Next: Tell}]
            Next: Tell
          Tell:
            Type: Task
            Resource: arn:aws:states:::sns:publish
            Parameters: {TopicArn: "${Topic}", Message: done}
            End: true
      DefinitionSubstitutions: {WorkArn: !GetAtt Work.Arn, Topic: !Ref News}
      Role: arn:aws:iam::000000000000:role/flow
      Events:
        Started:
          Type: EventBridgeRule
          Properties: {EventBusName: !Ref Bus, Pattern: {detail-type: [Go]}}
"""


def transformed(file: Path) -> dict[str, Any]:
    body = read_document(file).body
    for resource in body["Resources"].values():
        # What is packaged has been uploaded by then.
        if code := {"AWS::Serverless::LayerVersion": "ContentUri", "AWS::Serverless::Function": "CodeUri"}.get(
            resource["Type"]
        ):
            resource.setdefault("Properties", {})[code] = "s3://bucket/key"
        if resource["Type"] == "AWS::Serverless::StateMachine" and "DefinitionUri" in resource["Properties"]:
            # So has this one; the content in S3 is not readable here.
            uri = resource["Properties"].pop("DefinitionUri")
            resource["Properties"]["Definition"] = read_document(file.parent / uri).body
    translator = Translator(None, Parser(), boto_session=SimpleNamespace(region_name="us-east-1"))
    result = translator.translate(body, {"Application": "lumen"}, get_managed_policy_map=dict)
    translator.metrics.publish()
    return json.loads(json.dumps(result))


def comparable(topology: Topology) -> set[tuple[Any, ...]]:
    """What has to be equal: everything but where it stands, and by what name a permission is made."""
    found = set()
    for edge in topology.edges:
        condition = None if edge.kind == "calls" else repr(edge.condition)  # SAM's policies become lists of actions
        via = None if edge.kind in ("permission", "calls") else edge.via
        target = str(edge.target)
        found.add((edge.kind, str(edge.source), target, condition, via, tuple(map(str, edge.failures)), edge.inferred))
    return found


def test_sam_events_are_read_as_the_transform_writes_them(tmp_path):
    original = tmp_path / "sam.yaml"
    original.write_text(SHOP)
    plain = tmp_path / "plain.yaml"
    plain.write_text(yaml.safe_dump(transformed(original), sort_keys=False))
    sam, cloudformation = (read_topology([Template(file, "shop")]) for file in (original, plain))
    assert comparable(sam) == comparable(cloudformation)
    ours = {(node.id, node.kind, node.type) for node in sam.nodes.values()}
    assert ours == {(node.id, node.kind, node.type) for node in cloudformation.nodes.values()}
    assert len(sam.edges) > 35
    assert all(edge.line > 10 for edge in sam.edges if edge.kind != "calls")


@pytest.mark.parametrize(
    "name", sorted(path.name for path in Path("stack").glob("*") if (path / "template.yaml").exists())
)
def test_the_stacks_are_the_same_graph_in_both_forms(name, tmp_path):
    file = Path("stack") / name / "template.yaml"
    plain = tmp_path / "plain.yaml"
    plain.write_text(yaml.safe_dump(transformed(file), sort_keys=False))
    assert comparable(read_topology([Template(file, name)])) == comparable(read_topology([Template(plain, name)]))


def test_a_refusal_leads_to_the_line_of_the_event_of_sam(tmp_path):
    file = tmp_path / "sam.yaml"
    file.write_text(SHOP)
    topology = read_topology([Template(file, "shop")])
    lines = file.read_text().splitlines()
    [rule] = [edge for edge in topology.of_kind("bus_rule") if edge.target.logical_id == "WorkRule"]
    [refusal] = rule.condition.pattern.match({"source": "other"}).refusals
    assert lines[topology.place(rule, refusal)[1] - 1].strip() == "Pattern: {source: [shop]}"
    [mapping] = [edge for edge in topology.of_kind("event_source_mapping") if edge.source.logical_id == "Orders"]
    [refusal] = mapping.condition.filters.match({"body": '{"kind": "b"}'}).refusals
    assert lines[topology.place(mapping, refusal)[1] - 1].strip().startswith("FilterCriteria:")
    [subscription] = topology.of_kind("subscription")
    [refusal] = subscription.condition.filter_policy.match("text").refusals
    assert lines[topology.place(subscription, refusal)[1] - 1].strip() == "FilterPolicy: {kind: [x]}"
