"""Every AWS API that the architecture uses, with requests made from botocore's models.

No response is a failure of the engine, each refusal has a code that AWS clients can read, and a refused call has no effect.
501 means that an operation is not implemented here, and counts as a response.
"""

import json

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from tests.robustness import aws_requests, aws_wire
from tests.robustness.fuzzing import fuzz

SERVICES = (
    *(
        "acm",
        "apigateway",
        "apigatewayv2",
        "cloudformation",
        "cloudwatch",
        "cognito-identity",
        "cognito-idp",
        "dynamodb",
    ),
    *(
        "dynamodbstreams",
        "elbv2",
        "events",
        "iam",
        "kinesis",
        "kms",
        "lambda",
        "logs",
        "s3",
        "scheduler",
        "secretsmanager",
    ),
    *("ses", "sesv2", "sns", "sqs", "ssm", "stepfunctions", "sts", "xray"),
)
"""Those of harness/deploy/services.py that stack/ needs and this engine serves."""
EXAMPLES = 8
"""Of each service in the quick profile, which tries all services."""
ACCOUNT = "222222222222"
"""No other test works in it."""
LISTINGS = {
    "cloudformation": "ListStacks",
    "cloudwatch": "DescribeAlarms",
    "dynamodb": "ListTables",
    "events": "ListRules",
    "iam": "ListRoles",
    "kinesis": "ListStreams",
    "kms": "ListKeys",
    "lambda": "ListFunctions",
    "logs": "DescribeLogGroups",
    "scheduler": "ListSchedules",
    "secretsmanager": "ListSecrets",
    "sns": "ListTopics",
    "sqs": "ListQueues",
    "ssm": "DescribeParameters",
    "stepfunctions": "ListStateMachines",
}
"""What shows the resources of a service; a call without parameters."""
MODEL_IS_NOT_ENOUGH = {"s3": "the model of S3 has next to no constraints"}


@pytest.fixture(scope="module")
def client(engine):
    """`client(service)`: sends what it is given, in an account that is emptied in the end."""
    made = {}

    def of(service):
        if service not in made:
            made[service] = engine.client(
                service,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="test",
                aws_session_token=None,
                config=aws_wire.UNCHECKED,
            )
        return made[service]

    yield of
    engine.harness.reset(scope="all", account_id=ACCOUNT)


def hold_to_the_form(answer, what):
    note(f"{what} -> {answer}")
    assert not answer.is_failure_of_the_engine, f"{what}: {answer}"
    # 401 is about a path of the engine's, as which a bucket may be named, and not of an API.
    if answer.status >= 400 and answer.status not in (401, 501):
        assert not answer.code.isdigit(), f"{what}: clients find no error code: {answer}"


def some_operation(service):
    return st.sampled_from(aws_requests.operations_of(service)).map(aws_requests.model_of(service).operation_model)


@pytest.mark.parametrize("service", SERVICES)
def test_empty_request_of_any_operation_is_answered(client, service):
    failures = {}
    model = aws_requests.model_of(service)
    for name in aws_requests.operations_of(service):
        answer = aws_wire.call(client(service), model.operation_model(name), {})
        if answer and answer.is_failure_of_the_engine:
            failures[name] = answer.message
    assert failures == {}


@pytest.mark.parametrize("service", SERVICES)
@fuzz(examples=EXAMPLES)
@given(data=st.data())
def test_valid_request_is_answered(client, service, data):
    operation = data.draw(some_operation(service))
    parameters = data.draw(aws_requests.requests(operation))
    answer = aws_wire.call(client(service), operation, parameters)
    if answer is not None:
        hold_to_the_form(answer, f"{service}.{operation.name}({parameters})")


@pytest.mark.parametrize("service", [name for name in SERVICES if name not in MODEL_IS_NOT_ENOUGH])
@fuzz(examples=EXAMPLES)
@given(data=st.data())
def test_broken_constraint_is_refused_without_effect(client, service, data):
    operation = data.draw(some_operation(service))
    broken = data.draw(aws_requests.broken(operation))
    if broken is None:
        return
    before = listed(client, service)
    answer = aws_wire.call(client(service), operation, broken.parameters)
    if answer is None:
        return
    what = f"{service}.{operation.name}, {broken.what}: {broken.parameters}"
    hold_to_the_form(answer, what)
    assert 400 <= answer.status < 500 or answer.status == 501, f"{what}: {answer}"
    assert listed(client, service) == before


def listed(client, service):
    operation = LISTINGS.get(service)
    if operation is None:
        return None
    answer = client(service)._make_api_call(operation, {})
    del answer["ResponseMetadata"]
    return json.dumps(answer, default=str, sort_keys=True)


@pytest.mark.parametrize("service", SERVICES)
@fuzz(examples=EXAMPLES)
@given(data=st.data())
def test_request_mangled_on_the_wire_is_answered(engine, client, service, data):
    client(service)  # the account is emptied in the end
    operation = data.draw(some_operation(service))
    try:
        wire = aws_wire.serialized(operation, data.draw(aws_requests.requests(operation)), engine.endpoint_url, ACCOUNT)
    except (ValueError, TypeError, AttributeError, KeyError):
        return  # botocore cannot serialize it
    mangled = aws_wire.Wire(*data.draw(aws_requests.mangled(wire.method, wire.path, wire.headers, wire.body)))
    answer = aws_wire.send(engine.endpoint_url, mangled, operation)
    if answer is not None:
        hold_to_the_form(answer, f"{service}.{operation.name}: {mangled}")


def test_engine_is_alive_after_all_of_it(engine, aws):
    assert engine.harness.ready()["ready"]
    assert aws("sts").get_caller_identity()["Account"] == "000000000000"
