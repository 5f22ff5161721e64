"""The rows of `harness.aws` against AWS's own descriptions of its services, as botocore has them."""

import re

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters

from harness import aws
from harness.topology.picture.palette import COLOURS

_LOADER = Loader()


def _model(name: str) -> ServiceModel:
    return ServiceModel(_LOADER.load_service_model(name, "service-2"), name)


@pytest.mark.parametrize("row", aws.SERVICES.values(), ids=aws.SERVICES)
def test_row_agrees_with_botocore(row):
    model = _model(row.name)
    assert row.sdk_id == model.metadata["serviceId"]
    operations = {xform_name(name): name for name in model.operation_names}
    if row.read_call:
        shape = model.operation_model(operations[row.read_call]).input_shape
        assert shape is not None or not row.read_arguments
        if shape is not None:
            validate_parameters(dict(row.read_arguments), shape)
    # S3's form is an upload by HTTP's POST, not an operation of the model; InvokeAsync is deprecated and omitted there.
    assert set(row.iam_actions) <= {*model.operation_names, "PostObject", "InvokeAsync"}
    parameters = {
        member
        for name in model.operation_names
        if (shape := model.operation_model(name).input_shape) is not None
        for member in shape.members
    }
    named = {row.request_member, *row.documents, *row.condition_keys.values()} - {""}
    assert named <= parameters
    assert bool(row.documents) == bool(row.document_error)


def test_names_of_services_and_kinds_are_unique():
    prefixes = [name for row in aws.SERVICES.values() for name in row.cloudformation]
    assert len(prefixes) == len(set(prefixes))
    types = [type_ for _, kind in aws.kinds() for type_ in kind.types]
    assert len(types) == len(set(types))
    for event in (events := [event for row in aws.SERVICES.values() for event in row.sam_events]):
        assert events.count(event) == 1


def test_type_belongs_to_the_row_that_lists_it():
    assert aws.service_of_type("AWS::Kinesis::Stream") == "kinesis"
    assert aws.service_of_type("AWS::Cognito::UserPool") == "cognito-idp"
    assert aws.service_of_type("AWS::Cognito::IdentityPool") == "cognito-identity"
    assert aws.service_of_type("AWS::ElasticLoadBalancingV2::Listener") == "elbv2"
    assert aws.service_of_type("AWS::Batch::JobQueue") == "batch"
    assert aws.service_of_type("Custom::Anything") is None


def test_service_is_found_by_prefix_and_by_sdk_id():
    assert aws.of_prefix("states").name == "stepfunctions"
    assert aws.of_prefix("dynamodb").name == "dynamodb"
    assert aws.of_prefix("ses").name == "ses"
    assert aws.service_of_sdk_id("cognitoidentityprovider") == "cognito-idp"
    assert aws.service_of_sdk_id("sfn") == "stepfunctions"
    assert aws.service("nothing").request_member == ""


def test_kinds_are_drawn_and_their_arns_name_them():
    for _, kind in aws.kinds():
        assert kind.colour in {*COLOURS, "outside"}
        for arn in kind.arns:
            service, _, resource = arn.partition(":")
            assert service
            assert "name" in re.compile(resource).groupindex, arn


def test_main_kind_stands_for_its_service():
    found = {name: kind.kind for name in ("events", "dynamodbstreams", "ses") if (kind := aws.main_kind(name))}
    assert found == {"events": "bus", "dynamodbstreams": "table", "ses": "email_identity"}
    assert aws.main_kind("sts") is None
