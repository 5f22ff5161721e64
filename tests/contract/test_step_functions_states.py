"""States of state machines that fail, choose and compute as on AWS.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.functions import ROLE


@pytest.fixture
def machine(aws):
    """`machine(states, StartAt="A")`: the ARN of a state machine of these states."""
    client, made = aws("stepfunctions"), []

    def make(states: dict[str, Any], kind: str = "STANDARD", **top: Any) -> str:
        definition = {"StartAt": next(iter(states)), "States": states, **top}
        arn = client.create_state_machine(
            name=f"contract-{uuid.uuid4().hex[:12]}",
            roleArn=ROLE,
            type=kind,
            definition=json.dumps(definition, ensure_ascii=False),
        )["stateMachineArn"]
        made.append(arn)
        return arn

    yield make
    for arn in made:
        client.delete_state_machine(stateMachineArn=arn)


@pytest.fixture
def run(aws, flow, machine):
    """`run(states, given)`: how an execution ends."""
    client = aws("stepfunctions")

    def execute(states: dict[str, Any], given: Any = None, **top: Any) -> dict[str, Any]:
        with flow() as f:
            execution = client.start_execution(
                stateMachineArn=machine(states, **top), input=json.dumps({} if given is None else given)
            )["executionArn"]
        f.settle(hurry=True)
        return client.describe_execution(executionArn=execution)

    return execute


END = {"Type": "Pass", "End": True}


def choice(*rules: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"C": {"Type": "Choice", "Choices": [{"Next": "Yes", **r} for r in rules], **options}, "Yes": END}


def test_choice_without_match_or_default_fails(run):
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
    ended = run(choice({"Variable": "$.a", "NumericEquals": 1}), {"a": 2})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.NoChoiceMatched")


@pytest.mark.parametrize(
    "rule",
    [
        {"Variable": "$.gone", "NumericEquals": 1},
        {"Variable": "$.gone", "IsNull": True},
        {"Variable": "$.gone", "IsString": False},
        {"Variable": "$.gone", "StringEqualsPath": "$.a"},
        {"Not": {"Variable": "$.gone", "BooleanEquals": True}},
        {"And": [{"Variable": "$.a", "IsPresent": True}, {"Variable": "$.gone", "StringMatches": "*"}]},
    ],
)
def test_choice_on_absent_variable_fails_despite_default(run, rule):
    states = choice(rule, Default="No") | {"No": END}
    ended = run(states, {"a": "b"})
    assert (ended["status"], ended.get("error")) == ("FAILED", "States.Runtime")
    assert "Invalid path '$.gone'" in ended["cause"]


def test_presence_of_absent_variable_is_no_error(run):
    states = choice({"Variable": "$.gone", "IsPresent": True}, Default="No") | {"No": {**END, "Result": "no"}}
    assert run(states)["output"] == '"no"'


def test_intrinsic_function_keeps_letters_beyond_ascii(run):
    ended = run({"P": {**END, "Parameters": {"text.$": "States.Format('Grüße, {} 🎉', $.name)"}}}, {"name": "Zoë"})
    assert json.loads(ended["output"]) == {"text": "Grüße, Zoë 🎉"}


def distributed(fails: str, **options: Any) -> dict[str, Any]:
    """A distributed Map over numbers; the numbers that match `fails` fail."""
    item = choice({"Variable": "$", "StringMatches": fails}, Default="Ok") | {
        "Yes": {"Type": "Fail", "Error": "Odd", "Cause": "because"},
        "Ok": END,
    }
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "C",
        "States": item,
    }
    return {"M": {"Type": "Map", "ItemProcessor": processor, "End": True, **options}}


@pytest.mark.parametrize(
    ("tolerance", "fails", "status"),
    [
        ({}, "x", "SUCCEEDED"),
        ({}, "a", "FAILED"),
        ({"ToleratedFailureCount": 0}, "a", "FAILED"),
        ({"ToleratedFailureCount": 1}, "a", "SUCCEEDED"),
        ({"ToleratedFailureCount": 1}, "*", "FAILED"),
        ({"ToleratedFailurePercentage": 50}, "a", "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 50}, "*", "FAILED"),
        ({"ToleratedFailurePercentage": 12.5}, "a", "FAILED"),
    ],
)
def test_distributed_map_fails_beyond_its_tolerance(run, tolerance, fails, status):
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold"""
    ended = run(distributed(fails, **tolerance), ["a", "b"])
    assert ended["status"] == status, ended
    if status == "FAILED":
        assert ended["error"] == "States.ExceedToleratedFailureThreshold"


def test_exceeded_tolerance_can_be_caught(run):
    catch = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Caught"}]
    states = distributed("a", Catch=catch) | {"Caught": {**END, "Result": "caught"}}
    assert run(states, ["a", "b"])["output"] == '"caught"'


@pytest.mark.parametrize(
    ("states", "top", "said"),
    [
        ({"A": {"Type": "Pass", "Next": "B"}}, {}, "Missing 'Next' target: B at /States/A/Next"),
        ({"A": END}, {"StartAt": "B"}, "Missing 'Next' target: B at /StartAt"),
        ({"A": {"Type": "Pass"}}, {}, "/States/A"),
        ({"A": END, "B": END}, {}, 'State "B" is not reachable. at /States/B'),
        (choice({"Variable": "$.a", "IsPresent": True}, Default="X"), {}, "target: X at /States/C/Default"),
        (
            {
                "A": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}
                | {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "X"}]}
            },
            {},
            "target: X at /States/A/Catch[0]/Next",
        ),
        (
            {"A": {"Type": "Parallel", "End": True, "Branches": [{"StartAt": "X", "States": {"Y": END}}]}},
            {},
            "target: X at /States/A/Branches[0]/StartAt",
        ),
    ],
)
def test_definition_with_lost_transition_is_refused(machine, states, top, said):
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html"""
    with pytest.raises(ClientError) as refused:
        machine(states, **top)
    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidDefinition"
    assert said in error["Message"]


def jsonata(expression: str) -> dict[str, Any]:
    return {"P": {"Type": "Pass", "Output": "{% " + expression + " %}", "End": True}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$states.input.a & '!'", 'say "hi"!'),
        ("$sum($states.input.numbers)", 6),
        ("$states.input.numbers[$ > 1]", [2, 3]),
        ("$partition([1..5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(1, 9, 4)", [1, 5, 9]),
        ("$hash('a', 'SHA-256')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("$parse('{\"x\": [1]}').x", [1]),
        ("$exists($states.input.gone)", False),
        ("$length($uuid())", 36),
        ("$random(3) = $random(3)", True),
        ("null", None),
    ],
)
def test_jsonata_expression_is_evaluated(run, expression, value):
    """https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html"""
    ended = run(jsonata(expression), {"a": 'say "hi"', "numbers": [1, 2, 3]}, QueryLanguage="JSONata")
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == value


@pytest.mark.parametrize("expression", ["$states.input.gone", "1 +", "$number('x')", "$eval('1')", "function($x){$x}"])
def test_failing_jsonata_expression_fails_the_query(run, expression):
    ended = run(jsonata(expression), QueryLanguage="JSONata")
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")


@pytest.mark.parametrize("body", ["1 + $f($x)", "$f($x)"], ids=["recursion", "loop"])
def test_endless_jsonata_expression_is_ended(run, body):
    ended = run(jsonata("($f := function($x){" + body + "}; $f(1))"), QueryLanguage="JSONata")
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_stopped_execution_ends_while_a_retry_waits(aws, machine, flow):
    client = aws("stepfunctions")
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 900, "MaxAttempts": 1}]
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True, "Retry": retry}
    task["Parameters"] = {"QueueUrl": "http://localhost/000000000000/gone", "MessageBody": "x"}
    arn = machine({"T": task})
    with flow() as f:
        execution = client.start_execution(stateMachineArn=arn)["executionArn"]
        deadline, seen = time.monotonic() + 30, []
        while "TaskFailed" not in seen:
            assert time.monotonic() < deadline, seen
            seen = [e["type"] for e in client.get_execution_history(executionArn=execution)["events"]]
        client.stop_execution(executionArn=execution, error="Enough")
    f.settle()
    assert client.describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_dynamodb_error_has_the_name_of_the_sdks_exception(aws, run):
    """AWS's own sample that catches it:
    https://docs.aws.amazon.com/step-functions/latest/dg/sample-project-transfer-data-sqs.html"""
    name = f"t-{uuid.uuid4().hex[:8]}"
    dynamodb = aws("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    task = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:updateItem", "End": True}
    task["Parameters"] = {
        "TableName": name,
        "Key": {"id": {"S": "x"}},
        "UpdateExpression": "SET n = n + :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    assert run({"T": task})["error"] == "DynamoDB.AmazonDynamoDBException"
    task["Parameters"]["ConditionExpression"] = "attribute_exists(id)"
    assert run({"T": task})["error"] == "DynamoDB.ConditionalCheckFailedException"
    dynamodb.delete_table(TableName=name)


@pytest.mark.parametrize("optimised", [True, False])
def test_timed_out_function_fails_its_task_with_sandbox_timedout(function, run, optimised):
    made = function("import time\ndef handler(event, context): time.sleep(30)", Timeout=1)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{made.name}"
    task = {"Type": "Task", "Resource": arn, "End": True}
    if optimised:
        task |= {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": arn}}
    assert run({"T": task})["error"] == "Sandbox.Timedout"


@pytest.mark.parametrize("signs", [False, True], ids=["unsigned", "signed by the role"])
def test_api_is_called_by_the_host_name_that_aws_has(aws, run, signs):
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html"""
    gateway = aws("apigateway")
    operation: dict[str, Any] = {
        "responses": {"200": {"description": "ok"}},
        "x-amazon-apigateway-integration": {
            "type": "mock",
            "requestTemplates": {"application/json": '{"statusCode": 200}'},
            "responses": {"default": {"statusCode": "200"}},
        },
    }
    if signs:
        operation["x-amazon-apigateway-auth"] = {"type": "AWS_IAM"}
    body = {"swagger": "2.0", "info": {"title": "a", "version": "1"}, "paths": {"/x": {"get": operation}}}
    api_id = gateway.import_rest_api(body=json.dumps(body))["id"]
    gateway.create_deployment(restApiId=api_id, stageName="s")
    task = {"Type": "Task", "Resource": "arn:aws:states:::apigateway:invoke", "End": True}
    parameters = {
        "ApiEndpoint": f"{api_id}.execute-api.us-east-1.amazonaws.com",
        "Method": "GET",
        "Stage": "s",
        "Path": "x",
    }
    task["Parameters"] = parameters | ({"AuthType": "IAM_ROLE"} if signs else {})
    ended = run({"T": task})
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["StatusCode"] == 200
    if signs:
        task["Parameters"] = parameters
        assert run({"T": task})["error"] == "ApiGateway.403"
    gateway.delete_rest_api(restApiId=api_id)
