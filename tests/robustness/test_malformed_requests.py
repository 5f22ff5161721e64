"""What cannot be read is refused with the error of the service's protocol, and never with a failure of the engine.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CommonErrors.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
"""

import gzip
import http.client
import json
import re
import socket
from urllib.parse import urlsplit

import pytest

TARGETS = {
    "dynamodb": "DynamoDB_20120810.PutItem",
    "kinesis": "Kinesis_20131202.PutRecord",
    "logs": "Logs_20140328.PutLogEvents",
    "events": "AWSEvents.PutRule",
    "ssm": "AmazonSSM.PutParameter",
    "secretsmanager": "secretsmanager.CreateSecret",
    "kms": "TrentService.Encrypt",
    "states": "AWSStepFunctions.CreateStateMachine",
    "cognito-idp": "AWSCognitoIdentityProviderService.AdminCreateUser",
    "sqs": "AmazonSQS.SendMessage",
}
UNREADABLE = {
    "cut": b'{"a":',
    "a list": b"[]",
    "a number": b"5",
    "a string": b'"x"',
    "no UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "NaN": b'{"a": NaN}',
    "a number of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "trailing": b"{} {}",
}


@pytest.fixture
def send(engine):
    """`send(method, path, headers, body)`: the response's status, error code and body, without an AWS client between."""
    address = urlsplit(engine.endpoint_url)

    def once(method, path, headers, body=b""):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        return response.status, _code(response, content), content

    return once


def _code(response, content):
    """The code where a client of the protocol looks for it."""
    if response.getheader("x-amzn-errortype"):
        return response.getheader("x-amzn-errortype")
    try:
        return json.loads(content).get("__type", "")
    except (ValueError, AttributeError):
        found = re.search(rb"<Code>(.*?)</Code>", content)
        return found[1].decode() if found else ""


def credential(service):
    scope = f"test/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"}


def json_headers(service, **more):
    version = "1.0" if service in ("dynamodb", "states", "sqs") else "1.1"
    return {
        **credential(service),
        "X-Amz-Target": TARGETS[service],
        "Content-Type": f"application/x-amz-json-{version}",
        **more,
    }


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("service", TARGETS)
def test_unreadable_json_is_a_serialization_exception(send, service):
    answers = {name: send("POST", "/", json_headers(service), body)[:2] for name, body in UNREADABLE.items()}
    assert answers == dict.fromkeys(UNREADABLE, (400, "SerializationException"))


@pytest.mark.parametrize(
    ("service", "body", "message"),
    [
        ("dynamodb", {"TableName": 5, "Item": {}}, "NUMBER_VALUE can not be converted to a String"),
        ("dynamodb", {"TableName": True, "Item": {}}, "TRUE_VALUE can not be converted to a String"),
        ("dynamodb", {"TableName": [], "Item": {}}, "Unrecognized collection type class java.lang.String"),
        ("dynamodb", {"TableName": {}, "Item": {}}, "Start of structure or map found where not expected."),
        ("dynamodb", {"TableName": "table", "Item": "x"}, "Unexpected field type"),
        ("dynamodb", {"TableName": "table", "Item": []}, "Start of list found where not expected."),
        ("dynamodb", {"TableName": "table", "Item": {"id": {"SS": "x"}}}, "Unexpected field type"),
        (
            "sqs",
            {"QueueUrl": "q", "MessageBody": "b", "DelaySeconds": "5"},
            "STRING_VALUE can not be converted to an Integer",
        ),
        (
            "sqs",
            {"QueueUrl": "q", "MessageBody": "b", "DelaySeconds": 2**80},
            "NUMBER_VALUE can not be converted to an Integer",
        ),
        ("events", {"Name": "r", "Tags": {"Key": "a"}}, "Start of structure or map found where not expected."),
        (
            "secretsmanager",
            {"Name": "s", "ForceOverwriteReplicaSecret": "no"},
            "STRING_VALUE can not be converted to a Boolean",
        ),
    ],
)
def test_value_of_another_type_is_a_serialization_exception(send, service, body, message):
    status, code, content = send("POST", "/", json_headers(service), json.dumps(body).encode())
    assert (status, code) == (400, "SerializationException")
    assert json.loads(content)["message"] == message


@pytest.mark.parametrize("encoded", ["=", "a", "*****", "ünïcode"])
def test_bad_base64_is_a_serialization_exception(send, encoded):
    body = json.dumps({"KeyId": "k", "Plaintext": encoded}).encode()
    assert send("POST", "/", json_headers("kms"), body)[:2] == (400, "SerializationException")


@pytest.mark.parametrize("service", TARGETS)
def test_unknown_target_is_an_unknown_operation(send, service):
    headers = json_headers(service)
    headers["X-Amz-Target"] = headers["X-Amz-Target"].partition(".")[0] + ".NoSuchOperation"
    assert send("POST", "/", headers, b"{}")[:2] == (400, "UnknownOperationException")


@pytest.mark.parametrize("service", [name for name in TARGETS if name != "sqs"])
def test_missing_target_is_an_unknown_operation(send, service):
    headers = json_headers(service)
    del headers["X-Amz-Target"]
    assert send("POST", "/", headers, b"{}")[:2] == (400, "UnknownOperationException")


@pytest.mark.parametrize("service", ["sns", "iam", "sts", "cloudformation", "ec2"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingAction"),
        (b"\xff=%zz", "MissingAction"),
        (b"Action=NoSuch", "InvalidAction"),
        (b"Action=%ff", "InvalidAction"),
    ],
)
def test_form_without_operation_says_what_is_missing(send, service, body, code):
    assert send("POST", "/", {**credential(service), **FORM}, body)[:2] == (400, code)


@pytest.mark.parametrize(
    ("service", "body"),
    [
        ("iam", b"Action=ListRoles&Version=2010-05-08&MaxItems=x"),
        ("sts", b"Action=AssumeRole&Version=2011-06-15&DurationSeconds=1e9"),
        ("monitoring", b"Action=GetMetricStatistics&Version=2010-08-01&StartTime=yesterday"),
        ("monitoring", b"Action=DescribeAlarms&Version=2010-08-01&MaxRecords=%00"),
    ],
)
def test_form_with_a_value_of_another_type_is_malformed(send, service, body):
    assert send("POST", "/", {**credential(service), **FORM}, body)[:2] == (400, "MalformedQueryString")


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("lambda", "/2015-03-31/functions"),
        ("apigateway", "/restapis"),
        ("scheduler", "/schedules/a"),
        ("ses", "/v2/email/identities"),
    ],
)
def test_unreadable_rest_json_is_refused(send, service, path):
    answers = {name: send("POST", path, {**credential(service), **JSON}, body)[:2] for name, body in UNREADABLE.items()}
    assert {status for status, _ in answers.values()} == {400}
    assert {code for _, code in answers.values()} <= {"SerializationException", "InvalidRequestContentException"}


def test_event_that_is_nested_too_deeply_is_refused(send):
    # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
    headers = {**credential("lambda"), **JSON}
    status, code, _ = send("POST", "/2015-03-31/functions/any/invocations", headers, b"[" * 100_000)
    assert (status, code) == (400, "InvalidRequestContentException")


def test_unknown_path_of_a_rest_service_is_an_unknown_operation(send):
    headers = {**credential("lambda"), **JSON}
    assert send("POST", "/no/such/path", headers, b"{}")[:2] == (404, "UnknownOperationException")


@pytest.mark.parametrize("body", [b"<a", b"<a/><b/>", b"<a>\xff</a>", b"{}", b"<a>" * 50_000])
@pytest.mark.parametrize("path", ["?tagging", "?versioning", "?cors", "?lifecycle", "?notification"])
def test_unreadable_xml_is_malformed_xml(send, path, body):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
    assert send("PUT", f"/bucket{path}", {}, body)[:2] == (400, "MalformedXML")


def test_entities_of_xml_do_not_multiply(send):
    entities = b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 10))
    body = b'<!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">' + entities + b"]><a>&a9;</a>"
    assert send("PUT", "/bucket?tagging", {}, body)[:2] == (400, "MalformedXML")


@pytest.mark.parametrize(
    "path", ["/bucket?max-keys=x", "/bucket?list-type=2&max-keys=x", "/bucket?uploads&max-uploads=x"]
)
def test_number_of_s3_that_is_none_is_an_invalid_argument(send, path):
    assert send("GET", path, {})[:2] == (400, "InvalidArgument")


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b'{"a": 1}' * 50, mtime=0)[:-12], b""])
def test_body_that_is_not_gzip_is_a_serialization_exception(send, body):
    headers = json_headers("dynamodb", **{"Content-Encoding": "gzip"})
    status, code, _ = send("POST", "/", headers, body)
    assert (status, code) == ((400, "SerializationException") if body else (400, "ValidationException"))


def test_gzip_that_grows_without_bound_is_refused(send):
    headers = json_headers("dynamodb", **{"Content-Encoding": "gzip"})
    body = gzip.compress(b" " * 70_000_000, mtime=0)
    assert send("POST", "/", headers, body)[:2] == (413, "SerializationException")


def test_gzip_body_is_read(send):
    headers = json_headers("ssm", **{"Content-Encoding": "gzip"})
    body = gzip.compress(json.dumps({"Name": "read", "Value": "v", "Type": "String", "Overwrite": True}).encode())
    assert send("POST", "/", headers, body)[0] == 200


def test_credential_of_no_service_is_refused(send):
    status, code, content = send("POST", "/", {**credential("no-such-service"), **FORM}, b"A=1")
    assert (status, code) == (403, "InvalidSignatureException")
    assert b"no-such-service" in content


@pytest.mark.parametrize(
    "authorization", ["", "garbage", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b", "AWS :", "Basic !"]
)
def test_garbage_for_credentials_is_refused(send, authorization):
    headers = {"Authorization": authorization}
    for more, body in (({}, b""), (FORM, b"A=1"), (JSON, b"{}")):
        status, code, _ = send("POST", "/", {**headers, **more}, body)
        assert 400 <= status < 500
        assert code


@pytest.mark.parametrize("size", [17_000, 200_000])
def test_header_of_more_than_16_kilobytes_is_a_bad_request(send, size):
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    assert send("POST", "/", json_headers("dynamodb", **{"X-Long": "a" * size}), b"{}")[0] == 400


def test_too_many_headers_are_a_bad_request(send):
    many = {f"X-{number}": "a" for number in range(600)}
    assert send("POST", "/", json_headers("dynamodb", **many), b"{}")[0] == 400


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"no request line\r\n\r\n",
        b"GET /%% HTTP/9.9\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_bad_request(engine, request_):
    address = urlsplit(engine.endpoint_url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(request_)
        answer = connection.recv(4096)
    assert re.match(rb"HTTP/1.1 4\d\d ", answer)
