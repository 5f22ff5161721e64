"""The graph of this project's stacks, of several stacks, of a deployment."""

from pathlib import Path

import networkx
import pytest

from harness.topology import NodeId, Template, Topology, read_topology
from harness.topology.edges import (
    RedriveCondition,
    RuleCondition,
    SubscriptionCondition,
)
from tests.unit.topology.reading import FUNCTION, edges, only

STACKS = [Template(file, file.parent.name) for file in sorted(Path("stack").glob("*/template.yaml"))]


@pytest.fixture(scope="module")
def lumen() -> Topology:
    return read_topology(STACKS)


def test_every_asynchronous_edge_of_stacks_has_failure_target(lumen):
    asynchronous = [edge for edge in lumen.edges if edge.asynchronous]
    assert len(asynchronous) >= 7
    # S3 delivers to a queue, a topic and a bus, and has no dead-letter queue for refused deliveries.
    by_s3 = [
        edge for edge in asynchronous if edge.kind == "notification" and lumen.nodes[edge.target].kind != "function"
    ]
    assert by_s3
    without = [f"{edge.file}:{edge.line} {edge.source} -> {edge.target}" for edge in asynchronous
               if edge not in by_s3 and not lumen.failure_targets(edge)]  # fmt: skip
    assert without == []


def test_the_stacks_name_nothing_that_no_template_declares(lumen):
    undeclared = {node.id.logical_id: node.kind for node in lumen.nodes.values() if not node.id.stack}
    # Whom permissions name, and the bus that every account has.
    services = {"elasticloadbalancing.amazonaws.com": "external", "s3.amazonaws.com": "external"}
    assert undeclared == {**services, "default": "bus"}


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
        # What a listener's rule forwards to is a target group.
        group = f"{edge.target.logical_id.removesuffix('Function')}TargetGroup"
        named = (edge.source.logical_id, edge.target.logical_id, group, "Fn::ImportValue")
        assert any(name in line for name in named for line in lines), (edge, lines[0])
    rule = lumen.declared_by("notifications", "RegistrationsRule")
    [line] = {edge.line for edge in rule if edge.kind == "bus_rule"}
    assert rule[0].file.read_text().splitlines()[line - 1].strip() == "EventPattern:"


def test_a_refused_event_leads_to_the_line_of_the_pattern(lumen):
    [edge] = [edge for edge in lumen.declared_by("notifications", "RegistrationsRule") if edge.kind == "bus_rule"]
    assert isinstance(edge.condition, RuleCondition)
    assert edge.condition.pattern
    [refusal] = edge.condition.pattern.match({"source": "lumen.users", "detail-type": "UserRegisterd"}).refusals
    file, line = lumen.place(edge, refusal)
    assert file.read_text().splitlines()[line - 1].strip() == "detail-type: [UserRegistered]"
    [policy] = [e for e in lumen.declared_by("notifications", "SmsSubscription") if e.kind == "subscription"]
    assert isinstance(policy.condition, SubscriptionCondition)
    assert policy.condition.filter_policy
    refusals = policy.condition.filter_policy.match('{"detail": {"data": {"wants_text_messages": true}}}').refusals
    file, line = lumen.place(policy, refusals[0])
    assert file.read_text().splitlines()[line - 1].strip() == "phone_number:"


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
def test_other_stack_is_found_by_import_name_parameter_and_arn(topology, bus):
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


def test_invalid_pattern_is_distinguished_from_missing_one(topology):
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
