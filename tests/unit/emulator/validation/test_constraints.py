"""Violations of constraints in AWS's service models, and the error message of each service.

Texts come from recordings of AWS if any exist, else from its documentation.
"""

import time

import pytest
from localstack.aws.spec import load_service
from localstack.services.plugins import SERVICE_PLUGINS

from harness.emulator.validation.constraints import checker_of
from harness.emulator.validation.messages import refusal
from harness.emulator.validation.model_corrections import MEMBERS, NOT_FROM_THE_MODEL, SHAPES
from harness.emulator.validation.patterns import SECONDS_PER_MATCH, UnsupportedPatternError, _bounded, compiled


def refused(service, operation, request):
    model = load_service(service)
    violations = checker_of(model.operation_model(operation))(request)
    if not violations:
        return None
    found = refusal(service, model.protocol, operation, violations)
    return found.code, found.message


def constraint(value, path, text):
    return f"1 validation error detected: Value {value} at '{path}' failed to satisfy constraint: {text}"


@pytest.mark.parametrize(
    ("service", "operation", "request_", "code", "message"),
    [
        (
            # Recorded: events test_put_target_id_validation.
            "events",
            "PutTargets",
            {"Rule": "r", "Targets": [{"Id": "!@#$@!#$", "Arn": "arn:aws:sqs:us-east-1:000000000000:q"}]},
            "ValidationException",
            constraint(
                "'!@#$@!#$'",
                "targets.1.member.id",
                r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+",
            ),
        ),
        (
            # Recorded: events test_put_target_id_validation.
            "events",
            "PutTargets",
            {"Rule": "r", "Targets": [{"Id": "i" * 65, "Arn": "arn:aws:sqs:us-east-1:000000000000:q"}]},
            "ValidationException",
            constraint("'" + "i" * 65 + "'", "targets.1.member.id", "Member must have length less than or equal to 64"),
        ),
        (
            # Recorded: cloudwatch test_set_alarm_invalid_input, with the values in another order.
            "cloudwatch",
            "SetAlarmState",
            {"AlarmName": "a", "StateValue": "INVALID", "StateReason": "r"},
            "ValidationError",
            constraint("'INVALID'", "stateValue", "Member must satisfy enum value set: [OK, ALARM, INSUFFICIENT_DATA]"),
        ),
        (
            # Recorded: lambda test_function_url_config_exceptions.
            "lambda",
            "CreateFunctionUrlConfig",
            {"FunctionName": "f", "AuthType": "NONE", "InvokeMode": "UNKNOWN"},
            "ValidationException",
            constraint("'UNKNOWN'", "invokeMode", "Member must satisfy enum value set: [BUFFERED, RESPONSE_STREAM]"),
        ),
        (
            # Recorded: sns test_publish_wrong_message_attributes.
            "sns",
            "Publish",
            {"TopicArn": "arn", "Message": "m", "MessageAttributes": {"attr1": {"StringValue": "v"}}},
            "ValidationError",
            constraint("null", "messageAttributes.attr1.member.dataType", "Member must not be null"),
        ),
        (
            # Recorded: sns test_unsubscribe_wrong_arn_format.
            "sns",
            "Unsubscribe",
            {},
            "InvalidParameter",
            "Invalid parameter: SubscriptionArn Reason: no value for required parameter",
        ),
        (
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
            "cloudformation",
            "CreateStack",
            {"StackName": "a_b"},
            "ValidationError",
            constraint("'a_b'", "stackName", "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"),
        ),
        (
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names
            "iam",
            "CreateRole",
            {"RoleName": "a b", "AssumeRolePolicyDocument": "{}"},
            "ValidationError",
            "The specified value for roleName is invalid. "
            "It must contain only alphanumeric characters and/or the following: +=,.@_-",
        ),
        (
            # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
            "logs",
            "CreateLogGroup",
            {"logGroupName": "a b"},
            "InvalidParameterException",
            constraint("'a b'", "logGroupName", r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+"),
        ),
        (
            # https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html: sensitive, so its value is not shown
            "kms",
            "Encrypt",
            {"KeyId": "k", "Plaintext": b"x" * 4097},
            "ValidationException",
            "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
            "Member must have length less than or equal to 4096",
        ),
        (
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
            "sqs",
            "SendMessage",
            {"QueueUrl": "q"},
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
def test_broken_constraint_is_worded_as_by_aws(service, operation, request_, code, message):
    assert refused(service, operation, request_) == (code, message)


def test_several_violations_are_counted_and_joined():
    # Recorded: scheduler and events say so ("3 validation errors detected: ...; ...").
    code, message = refused(
        "dynamodb",
        "CreateTable",
        {"TableName": "a b", "KeySchema": [{"AttributeName": "", "KeyType": "X"}], "AttributeDefinitions": []},
    )
    assert code == "ValidationException"
    assert message == (
        "3 validation errors detected: "
        "Value 'a b' at 'tableName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; "
        "Value '' at 'keySchema.1.member.attributeName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value 'X' at 'keySchema.1.member.keyType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [HASH, RANGE]"
    )


def test_list_members_are_described_as_a_whole():
    # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    request = {"FunctionName": "f", "Role": "arn:aws:iam::000000000000:role/r", "Code": {}, "Layers": ["!"]}
    _, message = refused("lambda", "CreateFunction", request)
    assert message.startswith("1 validation error detected: Value '[!]' at 'layers' failed to satisfy constraint: ")
    assert "Member must satisfy constraint: [Member must have length less than or equal to 140, " in message
    assert message.endswith("Member must not be null]")


def test_null_within_nested_lists_is_found():
    item = {"id": {"M": {"x": {"L": [{"S": "a"}, None]}}}}
    _, message = refused("dynamodb", "PutItem", {"TableName": "table", "Item": item})
    assert message == constraint("null", "item.id.member.m.x.member.l.2.member", "Member must not be null")


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("dynamodb", "GetItem", {"TableName": "table", "Key": {"id": {"S": "1"}}}),
        ("dynamodb", "CreateTable", {"TableName": "t.-_9", "KeySchema": [{"AttributeName": "i", "KeyType": "HASH"}]}),
        ("lambda", "Invoke", {"FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"}),
        ("lambda", "CreateFunction", {"FunctionName": "f", "Role": "arn:aws:iam::000000000000:role/a/b", "Code": {}}),
        ("s3", "CreateBucket", {"Bucket": "a b"}),
    ],
)
def test_what_the_model_allows_is_left_alone(service, operation, request_):
    assert refused(service, operation, request_) is None


@pytest.mark.slow
def test_every_pattern_of_the_served_services_compiles():
    unsupported = set()
    for service in SERVICE_PLUGINS.list_available():
        model = load_service(service)
        for name in model.shape_names:
            pattern = model.shape_for(name).metadata.get("pattern")
            try:
                if pattern:
                    compiled(pattern)
            except UnsupportedPatternError as error:
                unsupported.add((service, name, str(error)))
    assert unsupported == set(), "constraints that are silently not checked"


@pytest.mark.slow
def test_every_operation_of_the_served_services_compiles():
    operations = 0
    for service in SERVICE_PLUGINS.list_available():
        model = load_service(service)
        for name in model.operation_names:
            checker_of(model.operation_model(name))({})
            operations += 1
    assert operations > 2000


def test_corrections_name_members_and_shapes_that_exist():
    for service, operation, member in MEMBERS:
        model = load_service(service)
        assert operation is None or member in model.operation_model(operation).input_shape.members
    for service, shape in SHAPES:
        assert load_service(service).shape_for(shape) is not None
    for service in NOT_FROM_THE_MODEL:
        assert load_service(service).operation_names
    assert all(correction.source.startswith("https://") for correction in [*MEMBERS.values(), *SHAPES.values()])


@pytest.mark.parametrize("pattern", [r"(\w+\s?)+!", r"(?!b)(\w+\s?)+!"])
def test_pattern_that_backtracks_is_bounded(pattern):
    matches, begin = compiled(pattern), time.process_time()
    matches("a" * 60 + "?")
    assert time.process_time() - begin < SECONDS_PER_MATCH * 5


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        (r"[a-z&&[^b]]+", "abc", False),
        (r"[a-z&&[^b]]+", "acd", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "an emoji 🎉", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "\x00", False),
        (r"[\p{L}\p{M}]+", "Grüße", True),
        # Classes are of ASCII.
        (r"\d{2}", "೫0", False),
        (r"[\w+=,.@-]+", "name+@", True),
        (r"[\w+=,.@-]+", "Grüße", False),
        (r"[^\s]+", "a\tb", False),
        (r"[\S]+", "a-b", True),
        (r"\w\W\D", "a-b", True),
        # What would be an operator in Python.
        (r"[+--]+", "+,-", True),
        (r"[a||b]+", "a|b", True),
        # The dot of the models is any character.
        (r".*", '{"a":\n1}', True),
        # Java's matches() is about the whole value.
        (r"[a-z]+", "abc def", False),
        (r"^[a-z]+$", "abc\n", False),
    ],
)
def test_pattern_means_what_it_means_in_java(pattern, value, matches):
    assert compiled(pattern)(value) is matches
    assert _bounded(pattern)(value) is matches, "the engine for the patterns that RE2 has not says the same"
