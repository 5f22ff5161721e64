"""Edges along which messages and events travel, from plain CloudFormation."""

from harness.topology import NodeId
from harness.topology.edges import (
    AsynchronousCondition,
    MappingCondition,
    RedriveCondition,
    SubscriptionCondition,
    TargetSettings,
)
from harness.topology.patterns import FilterPolicy, ObjectFilter
from tests.unit.topology.reading import FUNCTION, edges, only


def test_rules_of_the_default_bus_with_all_settings_of_a_target(topology):
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Dead: {{Type: AWS::SQS::Queue}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {{source: [aws.s3]}}
      State: DISABLED
      Targets:
        - Id: one
          Arn: !GetAtt Work.Arn
          InputTransformer: {{InputTemplate: '"<a>"', InputPathsMap: {{a: $.detail}}}}
          RetryPolicy: {{MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 60}}
          DeadLetterConfig: {{Arn: !GetAtt Dead.Arn}}
        - Id: abroad
          Arn: arn:aws:events:eu-west-1:111122223333:event-bus/other
"""
    )
    bus, rule = only(topology=found, kind="bus_rule").source, NodeId("shop", "Rule")
    assert (bus, found.nodes[bus].kind) == (NodeId("", "default"), "bus")
    one, abroad = found.leaving(rule, "rule_target")
    assert isinstance(one.condition, TargetSettings)
    assert (one.condition.maximum_retry_attempts, one.condition.maximum_event_age_seconds) == (3, 60)
    assert one.condition.input_transformer["InputTemplate"] == '"<a>"'
    assert one.failures == (NodeId("shop", "Dead"),)
    assert not one.condition.enabled
    assert found.nodes[abroad.target].kind == "external"
    assert (one.line, abroad.line) == (12, 17)


def test_schedules_of_rules_and_of_the_scheduler(topology):
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Dead: {{Type: AWS::SQS::Queue}}
  Nightly:
    Type: AWS::Events::Rule
    Properties: {{ScheduleExpression: rate(1 day), Targets: [{{Id: a, Arn: !GetAtt Work.Arn, Input: '{{"a": 1}}'}}]}}
  Hourly:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(1 hour)
      Target: {{Arn: !GetAtt Work.Arn, DeadLetterConfig: {{Arn: !GetAtt Dead.Arn}}, RetryPolicy: {{MaximumRetryAttempts: 0}}}}
"""
    )
    nightly, hourly = only(found, "rule_target"), only(found, "schedule")
    assert (nightly.condition.schedule, nightly.condition.input) == ("rate(1 day)", '{"a": 1}')
    assert (hourly.condition.schedule, hourly.condition.maximum_retry_attempts) == ("rate(1 hour)", 0)
    assert hourly.failures == (NodeId("shop", "Dead"),)
    assert not found.of_kind("bus_rule")


def test_subscriptions_inside_and_outside_a_topic_are_edges(topology):
    found = topology(
        shop="""
Resources:
  News:
    Type: AWS::SNS::Topic
    Properties:
      Subscription: [{Protocol: email, Endpoint: ops@example.com}]
  Inbox: {Type: AWS::SQS::Queue}
  Dead: {Type: AWS::SQS::Queue}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: !Ref News
      Protocol: sqs
      Endpoint: !GetAtt Inbox.Arn
      RawMessageDelivery: "true"
      FilterPolicyScope: MessageBody
      FilterPolicy: '{"kind": ["a"]}'
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn}
"""
    )
    policy = FilterPolicy.parse('{"kind": ["a"]}', "MessageBody")
    mail, queue = found.leaving(NodeId("shop", "News"))
    assert (str(mail.target), mail.condition) == ("ops@example.com", SubscriptionCondition("email"))
    assert queue.condition == SubscriptionCondition("sqs", policy, True)
    assert found.failure_targets(queue) == (NodeId("shop", "Dead"),)


def test_mapping_edges_have_settings_and_redrive_of_their_queue(topology):
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Orders:
    Type: AWS::SQS::Queue
    Properties: {{RedrivePolicy: '{{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": "2"}}'}}
  Dead: {{Type: AWS::SQS::Queue, Properties: {{QueueName: dead}}}}
  FromQueue:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Orders.Arn
      FunctionName: work
      Enabled: false
      FilterCriteria: {{Filters: [{{Pattern: '{{"body": {{"a": [1]}}}}'}}]}}
      MaximumBatchingWindowInSeconds: 5
  Items: {{Type: AWS::DynamoDB::Table}}
  FromTable:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Items.StreamArn
      FunctionName: !Ref Live
      StartingPosition: LATEST
      DestinationConfig: {{OnFailure: {{Destination: !GetAtt Dead.Arn}}}}
  Live: {{Type: AWS::Lambda::Alias, Properties: {{FunctionName: !Ref Work, FunctionVersion: "1", Name: live}}}}
"""
    )
    queue, table = sorted(found.of_kind("event_source_mapping"), key=lambda edge: edge.line)
    assert isinstance(queue.condition, MappingCondition)
    assert (queue.condition.enabled, queue.condition.batch_size) == (False, 10)
    assert queue.condition.filters
    assert not queue.condition.filters.match({"body": '{"a": 2}'})
    assert queue.failures == (NodeId("shop", "Dead"),)
    [refusal] = queue.condition.filters.match({"body": '{"a": 2}'}).refusals
    assert found.place(queue, refusal)[1] == 15
    assert edges(found, "redrive") == [("shop.Orders", "shop.Dead", RedriveCondition(2))]
    assert (str(table.source), str(table.target)) == ("shop.Items", "shop.Work")
    assert isinstance(table.condition, MappingCondition)
    assert (table.condition.batch_size, table.condition.starting_position) == (100, "LATEST")
    assert table.failures == (NodeId("shop", "Dead"),)


def test_asynchronous_invocation_edges_have_failure_targets(topology):
    found = topology(
        shop="""
Resources:
  Work:
    Type: AWS::Lambda::Function
    Properties: {DeadLetterConfig: {TargetArn: !GetAtt Dead.Arn}}
  Dead: {Type: AWS::SQS::Queue}
  Done: {Type: AWS::SNS::Topic}
  Config:
    Type: AWS::Lambda::EventInvokeConfig
    Properties:
      FunctionName: !Ref Work
      Qualifier: $LATEST
      MaximumRetryAttempts: 0
      DestinationConfig: {OnSuccess: {Destination: !Ref Done}}
  News: {Type: AWS::SNS::Topic}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: lambda, Endpoint: !GetAtt Work.Arn}
"""
    )
    assert edges(found, "dead_letter", "destination") == [
        ("shop.Work", "shop.Dead", AsynchronousCondition("failure", 0)),
        ("shop.Work", "shop.Done", AsynchronousCondition("success", 0)),
    ]
    # Neither the subscription nor its function's success is where a failure goes.
    assert found.failure_targets(only(found, "subscription")) == (NodeId("shop", "Dead"),)


def test_notifications_of_a_bucket_to_all_four_targets(topology):
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Inbox: {{Type: AWS::SQS::Queue}}
  News: {{Type: AWS::SNS::Topic}}
  Uploads:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        EventBridgeConfiguration: {{EventBridgeEnabled: true}}
        LambdaConfigurations:
          - Event: s3:ObjectCreated:*
            Function: !GetAtt Work.Arn
            Filter: {{S3Key: {{Rules: [{{Name: prefix, Value: in/}}, {{Name: Suffix, Value: .png}}]}}}}
        QueueConfigurations: [{{Event: s3:ObjectRemoved:*, Queue: !GetAtt Inbox.Arn}}]
        TopicConfigurations: [{{Event: s3:ObjectCreated:Put, Topic: !Ref News}}]
"""
    )
    assert {(target, condition) for _, target, condition in edges(found, "notification")} == {
        ("shop.Work", ObjectFilter(("s3:ObjectCreated:*",), "in/", ".png")),
        ("shop.Inbox", ObjectFilter(("s3:ObjectRemoved:*",))),
        ("shop.News", ObjectFilter(("s3:ObjectCreated:Put",))),
        ("default", ObjectFilter(("s3:*",))),
    }
