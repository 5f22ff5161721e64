"""The graph of what is connected to what: plain CloudFormation, several stacks, deployments."""

from pathlib import Path

import networkx
import pytest

from harness.topology import NodeId, Template, Topology, read_topology
from harness.topology.edges import (
    AlarmCondition,
    AsynchronousCondition,
    LogCondition,
    MappingCondition,
    MetricCondition,
    NamedCondition,
    RedriveCondition,
    RouteCondition,
    RuleCondition,
    SubscriptionCondition,
    TargetSettings,
    TaskCondition,
)
from harness.topology.patterns import FilterPolicy, ObjectFilter

STACKS = [Template(file, file.parent.name) for file in sorted(Path("stack").glob("*/template.yaml"))]


def edges(topology: Topology, *kinds: str) -> list[tuple[str, str, object]]:
    return [(str(edge.source), str(edge.target), edge.condition) for edge in topology.of_kind(*kinds)]


def only(topology: Topology, kind: str):
    [edge] = topology.of_kind(kind)
    return edge


FUNCTION = """
  Work: {Type: AWS::Lambda::Function, Properties: {FunctionName: work}}
"""


# ── the stacks of this project ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def lumen() -> Topology:
    return read_topology(STACKS)


def test_every_asynchronous_edge_of_the_stacks_has_a_place_for_failures(lumen):
    asynchronous = [edge for edge in lumen.edges if edge.asynchronous]
    assert len(asynchronous) >= 7
    without = [f"{edge.file}:{edge.line} {edge.source} -> {edge.target}" for edge in asynchronous
               if not lumen.failure_targets(edge)]  # fmt: skip
    assert without == []


def test_the_stacks_name_nothing_that_no_template_declares(lumen):
    assert [node for node in lumen.nodes.values() if node.kind == "external"] == []


def test_a_registration_finds_its_way_across_stacks(lumen):
    way = networkx.shortest_path(
        lumen.graph, NodeId("users", "PostConfirmationFunction"), NodeId("notifications", "SmsDeadLetterQueue")
    )
    assert [node.logical_id for node in way] == [
        "PostConfirmationFunction", "EventBus", "RegistrationsRule", "NotificationsTopic", "SmsQueue", "SmsDeadLetterQueue",
    ]  # fmt: skip


def test_every_edge_of_the_stacks_names_a_line_that_is_about_it(lumen):
    for edge in lumen.edges:
        lines = edge.file.read_text().splitlines()[max(0, edge.line - 8) : edge.line + 12]
        named = (edge.source.logical_id, edge.target.logical_id, "Fn::ImportValue")
        assert any(name in line for name in named for line in lines), (edge, lines[0])
    rule = lumen.declared_by("notifications", "RegistrationsRule")
    [line] = {edge.line for edge in rule if edge.kind == "bus_rule"}
    assert rule[0].file.read_text().splitlines()[line - 1].strip() == "EventPattern:"


def test_a_refused_event_leads_to_the_line_of_the_pattern(lumen):
    [edge] = lumen.of_kind("bus_rule")
    assert isinstance(edge.condition, RuleCondition)
    assert edge.condition.pattern
    [refusal] = edge.condition.pattern.match({"source": "lumen.users", "detail-type": "UserRegisterd"}).refusals
    file, line = lumen.place(edge, refusal)
    assert file.read_text().splitlines()[line - 1].strip() == "detail-type: [UserRegistered]"
    [policy] = [e for e in lumen.of_kind("subscription") if getattr(e.condition, "filter_policy", None)]
    assert isinstance(policy.condition, SubscriptionCondition)
    assert policy.condition.filter_policy
    refusals = policy.condition.filter_policy.match('{"detail": {"data": {"wants_text_messages": true}}}').refusals
    file, line = lumen.place(policy, refusals[0])
    assert file.read_text().splitlines()[line - 1].strip() == "phone_number:"


# ── messages and events ─────────────────────────────────────────────────────────────────────────────────────────────


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


def test_subscriptions_of_a_topic_and_beside_it(topology):
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


def test_event_source_mappings_with_their_settings_and_the_redrive_of_their_queue(topology):
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


def test_what_a_function_does_with_asynchronous_events(topology):
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


# ── front doors ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_routes_of_a_rest_api_that_is_written_out(topology):
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Work.Arn}/invocations"
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Pool: {{Type: AWS::Cognito::UserPool}}
  Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: api}}}}
  People:
    Type: AWS::ApiGateway::Authorizer
    Properties: {{Name: people, RestApiId: !Ref Api, Type: COGNITO_USER_POOLS, ProviderARNs: [!GetAtt Pool.Arn]}}
  Orders:
    Type: AWS::ApiGateway::Resource
    Properties: {{RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: orders}}
  Order:
    Type: AWS::ApiGateway::Resource
    Properties: {{RestApiId: !Ref Api, ParentId: !Ref Orders, PathPart: "{{id}}"}}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Order
      HttpMethod: GET
      AuthorizationType: COGNITO_USER_POOLS
      AuthorizerId: !Ref People
      Integration: {{Type: AWS_PROXY, Uri: !Sub "{uri}"}}
  Root:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: ANY
      AuthorizationType: AWS_IAM
      Integration: {{Type: AWS_PROXY, Uri: !Sub "{uri}"}}
"""
    )
    assert edges(found, "route") == [
        ("shop.Api", "shop.Work", RouteCondition("GET", "/orders/{id}", "people")),
        ("shop.Api", "shop.Work", RouteCondition("ANY", "/", "AWS_IAM")),
    ]
    assert edges(found, "authorizer") == [("shop.Api", "shop.Pool", NamedCondition("people"))]


def test_routes_of_a_websocket_api(topology):
    found = topology(
        push=f"""
Resources:{FUNCTION}
  Check: {{Type: AWS::Lambda::Function}}
  Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}}}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${{Work.Arn}}/invocations
  Authorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties: {{ApiId: !Ref Api, AuthorizerType: REQUEST, AuthorizerUri: !Sub "path/functions/${{Check.Arn}}/invocations"}}
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: $connect
      AuthorizationType: CUSTOM
      AuthorizerId: !Ref Authorizer
      Target: !Sub integrations/${{Integration}}
"""
    )
    assert found.node("push", "Api").kind == "websocket_api"
    assert edges(found, "route") == [("push.Api", "push.Work", RouteCondition("", "$connect", "Authorizer"))]
    assert edges(found, "authorizer") == [("push.Api", "push.Check", NamedCondition("Authorizer"))]


def test_routes_of_an_http_api_that_openapi_describes(topology):
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Body:
        openapi: 3.0.1
        paths:
          /orders:
            post:
              security: [{{token: []}}]
              x-amazon-apigateway-integration: {{type: aws_proxy, uri: !GetAtt Work.Arn}}
        components:
          securitySchemes:
            token: {{x-amazon-apigateway-authorizer: {{type: jwt, jwtConfiguration: {{issuer: "https://id.example"}}}}}}
"""
    )
    [route] = found.of_kind("route")
    assert route.condition == RouteCondition("POST", "/orders", "token")
    assert route.line == 12
    assert edges(found, "authorizer") == [("shop.Api", "https://id.example", NamedCondition("token"))]


def test_load_balancers_and_distributions(topology):
    found = topology(
        web=f"""
Resources:{FUNCTION}
  Site: {{Type: AWS::S3::Bucket}}
  Balancer: {{Type: AWS::ElasticLoadBalancingV2::LoadBalancer}}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {{TargetType: lambda, Targets: [{{Id: !GetAtt Work.Arn}}]}}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {{LoadBalancerArn: !Ref Balancer, DefaultActions: [{{Type: forward, TargetGroupArn: !Ref Group}}]}}
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Origins: [{{Id: site, DomainName: !GetAtt Site.RegionalDomainName}}]
        DefaultCacheBehavior:
          LambdaFunctionAssociations: [{{EventType: origin-request, LambdaFunctionARN: !Ref Version}}]
  Version: {{Type: AWS::Lambda::Version, Properties: {{FunctionName: !Ref Work}}}}
"""
    )
    assert edges(found, "route") == [("web.Balancer", "web.Work", RouteCondition("ANY", "/*"))]
    assert edges(found, "viewer") == [
        ("web.Distribution", "web.Site", NamedCondition("site")),
        ("web.Distribution", "web.Work", NamedCondition("origin-request")),
    ]


# ── everything else that starts or watches something ────────────────────────────────────────────────────────────────


def test_alarms_watch_and_tell_and_logs_are_handed_on(topology):
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


def test_triggers_of_user_pools_repositories_and_custom_resources(topology):
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


def test_what_a_function_may_call_is_inferred_from_its_environment_and_its_role(topology):
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


# ── several stacks, deployments ─────────────────────────────────────────────────────────────────────────────────────

BUS = """
Parameters: {Name: {Type: String, Default: lumen}}
Resources: {Bus: {Type: AWS::Events::EventBus, Properties: {Name: !Ref Name}}}
Outputs: {Bus: {Value: !Ref Bus, Export: {Name: !Sub "${Name}-bus"}}}
"""
RULE = """
Parameters: {Name: {Type: String, Default: lumen}}
Resources:
  Rule: {Type: AWS::Events::Rule, Properties: {EventPattern: {source: [a]}, EventBusName: %s}}
"""


@pytest.mark.parametrize(
    "bus",
    ['{"Fn::ImportValue": !Sub "${Name}-bus"}', "lumen", "!Ref Name", '!Sub "arn:aws:events:x:1:event-bus/${Name}"'],
)
def test_another_stack_is_found_by_import_by_name_by_parameter_and_by_arn(topology, bus):
    found = topology(platform=BUS, shop=RULE % bus)
    assert str(only(found, "bus_rule").source) == "platform.Bus"


def test_parameters_decide_names_and_conditions(topology):
    shop = """
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {Live: !Equals [!Ref Stage, prod]}
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ${Stage}-orders
      RedrivePolicy: !If [Live, {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}, !Ref AWS::NoValue]
  Dead: {Type: AWS::SQS::Queue, Condition: Live}
"""
    dev, live = topology(shop=shop), topology({"shop": {"Stage": "prod"}}, shop=shop)
    assert (dev.node("shop", "Orders").name, live.node("shop", "Orders").name) == ("dev-orders", "prod-orders")
    assert (len(dev.nodes), len(dev.edges)) == (1, 0)
    assert edges(live, "redrive") == [("shop.Orders", "shop.Dead", RedriveCondition(3))]


def test_physical_ids_of_a_deployment_are_found_again(topology):
    url = "http://127.0.0.1:4566/000000000000/orders"
    found = topology(None, {"shop": {"Orders": url}}, shop="Resources: {Orders: {Type: AWS::SQS::Queue}}")
    node = found.by_physical_id(url)
    assert node is found.node("shop", "Orders")
    assert found.by_physical_id("nothing") is None
    assert (node.line, node.file.name) == (1, "template.yaml")


def test_networkx_sees_the_same_graph(lumen):
    assert set(lumen.graph.nodes) == set(lumen.nodes)
    assert lumen.graph.number_of_edges() == len(lumen.edges)
    attributes = lumen.graph.get_edge_data(NodeId("users", "UserPool"), NodeId("users", "PreSignUpFunction"))
    assert {data["edge"].kind for data in attributes.values()} == {"user_pool_trigger", "permission"}


def test_a_pattern_that_is_none_is_told_apart_from_none(topology):
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Bad: {{Type: AWS::Events::Rule, Properties: {{EventPattern: {{source: aws.s3}}}}}}
  Later: {{Type: AWS::Events::Rule, Properties: {{EventPattern: {{source: [!GetAtt Work.Arn]}}}}}}
  News: {{Type: AWS::SNS::Topic}}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {{TopicArn: !Ref News, Protocol: lambda, Endpoint: !GetAtt Work.Arn, FilterPolicy: {{a: [{{b: 1}}]}}}}
  Orders: {{Type: AWS::SQS::Queue}}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Orders.Arn
      FunctionName: !Ref Work
      FilterCriteria: {{Filters: [{{Pattern: "no JSON"}}]}}
"""
    )
    bad, later = found.of_kind("bus_rule")
    assert bad.problem.startswith('Event pattern is not valid. Reason: "source" must be an object or an array')
    assert later.problem == "A part of the pattern is known to a deployment alone."
    [subscription] = found.of_kind("subscription")
    assert "FilterPolicy: Unrecognized match type b" in subscription.problem
    [mapping] = found.of_kind("event_source_mapping")
    assert mapping.problem == "Invalid filter pattern definition."
    assert [bad.condition.pattern, subscription.condition.filter_policy, mapping.condition.filters] == [None] * 3
