"""The resource of an ARN or a URL, and its owner."""

import pytest

from harness.topology import Identifier, NodeId, identifiers
from harness.topology.identifiers import name_in


@pytest.mark.parametrize(("text", "meant"), [
    ("arn:aws:sqs:eu-west-1:000000000000:orders", Identifier("AWS::SQS::Queue", "orders", "eu-west-1")),
    ("http://localhost:4566/queue/us-east-1/000000000000/orders", Identifier("AWS::SQS::Queue", "orders")),
    ("https://sqs.eu-west-1.amazonaws.com/000000000000/orders", Identifier("AWS::SQS::Queue", "orders", "eu-west-1")),
    ("http://localhost:4566/000000000000/orders", Identifier("AWS::SQS::Queue", "orders")),
    ("arn:aws:lambda:us-east-1:000000000000:function:work:live", Identifier("AWS::Lambda::Function", "work", "us-east-1")),
    ("arn:aws:events:us-east-1:000000000000:rule/bus/placed", Identifier("AWS::Events::Rule", "placed", "us-east-1")),
    ("arn:aws:events:us-east-1:000000000000:rule/placed", Identifier("AWS::Events::Rule", "placed", "us-east-1")),
    ("arn:aws:iam::000000000000:role/of/work", Identifier("AWS::IAM::Role", "work")),
    ("arn:aws:sts::000000000000:assumed-role/work/session", Identifier("AWS::IAM::Role", "work")),
    ("arn:aws:s3:::bucket/key", Identifier("AWS::S3::Bucket", "bucket")),
    ("arn:aws:states:us-east-1:000000000000:execution:machine:one",
     Identifier("AWS::StepFunctions::StateMachine", "machine", "us-east-1")),
    ("arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/1", Identifier("AWS::DynamoDB::Table", "t", "us-east-1")),
])  # fmt: skip
def test_an_identifier_has_a_type_a_name_and_a_region(text, meant):
    assert meant in identifiers(text)


def test_other_texts_are_none():
    assert identifiers("orders") == identifiers("http://localhost/a/b") == identifiers("arn:aws:sqs") == ()
    assert name_in("bus|placed") == "placed"


STACK = """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Function: {Type: AWS::Lambda::Function, Properties: {Timeout: 3}}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {EventSourceArn: !GetAtt Queue.Arn, FunctionName: !Ref Function}
"""
PHYSICAL_IDS = {"Queue": "http://localhost:4566/000000000000/q-1", "Function": "f-1", "Mapping": "5f1c"}


@pytest.fixture
def deployed(topology):
    return topology({"shop": {"AWS::Region": "us-east-1"}}, {"shop": PHYSICAL_IDS}, shop=STACK)


@pytest.mark.parametrize(("resource", "logical_id"), [
    ("http://localhost:4566/000000000000/q-1", "Queue"),
    ("http://elsewhere:1/queue/us-east-1/000000000000/q-1", "Queue"),
    ("arn:aws:sqs:us-east-1:000000000000:q-1", "Queue"),
    ("arn:aws:lambda:us-east-1:000000000000:function:f-1", "Function"),
    ("5f1c", "Mapping"),
])  # fmt: skip
def test_a_resource_is_found_by_whatever_names_it(deployed, resource, logical_id):
    assert deployed.declared_as(resource) == NodeId("shop", logical_id)


def test_resource_of_another_region_is_found_only_if_requested(deployed):
    elsewhere = "arn:aws:sqs:eu-west-1:000000000000:q-1"
    assert deployed.declared_as(elsewhere) is None
    assert deployed.declared_as(elsewhere, in_any_region=True) == NodeId("shop", "Queue")
    assert deployed.declared_as("arn:aws:sqs:us-east-1:000000000000:q-2", in_any_region=True) is None


def test_property_has_a_line_and_missing_one_that_of_its_parent(deployed):
    file, line = deployed.place_of(NodeId("shop", "Function"), "Timeout")
    assert (file.name, line) == ("template.yaml", 4)
    assert deployed.place_of(NodeId("shop", "Mapping"), "Enabled") == (file, 7)
    assert deployed.place_of(NodeId("shop", "Nothing")) is None
