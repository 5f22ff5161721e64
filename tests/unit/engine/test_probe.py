"""How the probe reads an emulator's responses. They are recorded from LocalStack 4.14.0 and moto 5.2.5 unless noted."""

import re
from collections.abc import Callable

import pytest

from harness.engine import Target
from harness.engine.probe import CALLS, probe
from harness.errors import EngineError
from tests.unit.engine.conftest import Answers, json_error, query_error

UNLICENSED = (
    "The API for service {} is either not included in your current license plan "
    "or has not yet been emulated by LocalStack."
)
NO_BUCKET = (
    "<?xml version='1.0' encoding='utf-8'?>\n<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist"
    "</Message><RequestId>2faa2d88</RequestId><BucketName>v2</BucketName></Error>"
)
MOTO_ERROR = (
    "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"
    "<p>The server encountered an internal error and was unable to complete your request.</p>\n"
)


@pytest.fixture
def emulator(serving: Callable[[Answers], str]) -> Callable[[Answers], Target]:
    return lambda answers: Target("endpoint", serving(answers))


@pytest.mark.parametrize(
    ("service", "signed", "answer", "said"),
    [
        pytest.param(
            "cognito-idp",
            "cognito-idp",
            json_error(501, "InternalFailure", UNLICENSED.format("cognito-idp")),
            f"501 InternalFailure: {UNLICENSED.format('cognito-idp')}",
            id="json",
        ),
        pytest.param(
            "apigatewayv2",
            "apigateway",
            json_error(501, "InternalFailure", UNLICENSED.format("apigatewayv2")),
            f"501 InternalFailure: {UNLICENSED.format('apigatewayv2')}",
            id="rest-json",
        ),
        pytest.param(
            "elbv2",
            "elasticloadbalancing",
            query_error(501, "InternalFailure", UNLICENSED.format("elbv2")),
            f"501 InternalFailure: {UNLICENSED.format('elbv2')}",
            id="query",
        ),
        pytest.param(
            "cloudfront",
            "cloudfront",
            query_error(501, "InternalFailure", UNLICENSED.format("cloudfront")),
            f"501 InternalFailure: {UNLICENSED.format('cloudfront')}",
            id="rest-xml",
        ),
        pytest.param(
            "kinesis",
            "kinesis",
            json_error(500, "InternalError", "Installation of kinesis-local 0.5.2 failed."),
            "500 InternalError: Installation of kinesis-local 0.5.2 failed.",
            id="there but broken",
        ),
        pytest.param(
            "codecommit",
            "codecommit",
            (500, "text/html", MOTO_ERROR),
            "500: Internal Server Error The server encountered an internal error and was unable to complete your request.",
            id="a page",
        ),
        pytest.param(
            "rds",
            "rds",
            (500, "text/html", MOTO_ERROR),
            "no answer of AWS's: Internal Server Error The server encountered an internal error and was unable to complete "
            "your request.",
            id="a page where XML is expected",
        ),
        pytest.param("sesv2", "ses", (404, "text/html", ""), "404", id="no such path, in no words"),
        pytest.param(
            "route53",
            "route53",
            (404, "application/xml", NO_BUCKET),
            "404 NoSuchBucket",
            id="a path taken for a bucket",
        ),
        pytest.param(
            "scheduler", "scheduler", (404, "application/xml", NO_BUCKET), "404: NoSuchBucket", id="in XML, to JSON"
        ),
        # AWS's own words for an operation that a service does not have.
        pytest.param(
            "xray",
            "xray",
            json_error(404, "UnknownOperationException", ""),
            "404 UnknownOperationException",
            id="unknown",
        ),
        pytest.param(
            "sns",
            "sns",
            query_error(400, "InvalidAction", "no ListTopics"),
            "400 InvalidAction: no ListTopics",
            id="action",
        ),
    ],
)
def test_missing_service_is_reported_with_the_response(emulator, service, signed, answer, said):
    lacking = probe(emulator({signed: answer}), [service])
    assert list(lacking) == [service]
    assert lacking[service].startswith(said)
    assert "\n" not in lacking[service]


@pytest.mark.parametrize(
    ("service", "signed", "answer"),
    [
        ("sqs", "sqs", (200, "application/x-amz-json-1.0", "{}")),
        (
            "codecommit",
            "codecommit",
            json_error(400, "RepositoryDoesNotExistException", "harness-probe does not exist"),
        ),
        ("sesv2", "ses", json_error(404, "NotFoundException", "harness-probe.example")),
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        ("kms", "kms", json_error(400, "AccessDeniedException", "User is not authorized to perform: kms:ListKeys")),
        ("iam", "iam", query_error(403, "AccessDenied", "User is not authorized to perform: iam:ListRoles")),
        ("scheduler", "scheduler", json_error(400, "ValidationException", "GroupName")),
        ("s3", "s3", (404, "application/xml", NO_BUCKET)),
    ],
)
def test_service_that_refuses_as_aws_does_is_supported(emulator, service, signed, answer):
    assert probe(emulator({signed: answer}), [service]) == {}


def test_probe_of_no_service_makes_no_call(emulator):
    assert probe(emulator({}), []) == {}


def test_service_outside_the_table_is_probed_by_first_list_call(emulator):
    assert "polly" not in CALLS
    missing = json_error(501, "InternalFailure", UNLICENSED.format("polly"))
    assert probe(emulator({"polly": missing}), ["polly"]) == {
        "polly": f"501 InternalFailure: {UNLICENSED.format('polly')}"
    }
    assert probe(emulator({"polly": (200, "application/json", '{"Voices": []}')}), ["polly"]) == {}


def test_service_that_cannot_be_probed_is_missing_with_reason(emulator):
    assert probe(emulator({}), ["sso-oidc", "frobnicate"]) == {
        "sso-oidc": "no operation of sso-oidc lists without arguments; a row in harness.aws may name another",
        "frobnicate": "boto3 knows no service 'frobnicate', so it cannot be asked",
    }


def test_closed_endpoint_is_reported_for_every_service():
    nobody = Target("endpoint", "http://127.0.0.1:9")
    lacking = probe(nobody, ["sqs", "lambda"])
    assert set(lacking) == {"sqs", "lambda"}
    assert all(reason.startswith("Could not connect to the endpoint URL") for reason in lacking.values())


@pytest.mark.parametrize(
    "aws",
    [Target("aws", None, account_id="111122223333"), Target("aws", "http://127.0.0.1:9", account_id="111122223333")],
)
def test_aws_itself_is_never_probed(aws):
    with pytest.raises(EngineError, match="probing is for emulators"):
        probe(aws, ["lambda"])


def test_every_probe_call_is_valid_for_boto3(emulator):
    """boto3 checks names and arguments before it sends anything, so the response of an empty emulator comes back."""
    lacking = probe(emulator({"*": query_error(501, "InternalFailure", "nothing here")}), CALLS)
    assert set(lacking) == set(CALLS)
    assert {
        reason for reason in lacking.values() if not re.match("501( InternalFailure)?: .*nothing here", reason)
    } == set()


def test_every_call_of_the_table_only_reads():
    assert CALLS["rds-data"].arguments["sql"] == "SELECT 1"
    others = {call.operation for service, call in CALLS.items() if service != "rds-data"}
    assert {operation for operation in others if not operation.startswith(("list_", "describe_", "get_"))} == set()
