"""REST APIs with Lambda proxy integrations: the event of a function, and the response made from its result.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import io
import json
import uuid
import zipfile
from pathlib import Path

import httpx
import pytest
from aws_lambda_powertools.utilities.parser.models import APIGatewayProxyEventModel

ORACLE = Path(__file__).parents[3] / "shared" / "oracle"
SOURCE = """
import json, time
def handler(event, context):
    if event["path"] == "/echo":
        return {"statusCode": 200, "body": json.dumps(event)}
    answer = json.loads(event["body"])
    if answer == "raise":
        raise ValueError("no")
    if answer == "late":
        time.sleep(20)
    return answer
"""
INTERNAL = (502, {"message": "Internal server error"}, "InternalServerErrorException")


@pytest.fixture
def function(aws):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("app.py", SOURCE)
    name = f"f-{uuid.uuid4().hex[:10]}"
    made = aws("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Timeout=30,
        Code={"ZipFile": archive.getvalue()},
    )
    aws("lambda").get_waiter("function_active_v2").wait(FunctionName=name)
    yield made["FunctionArn"]
    aws("lambda").delete_function(FunctionName=name)


def permit(aws, arn, **options):
    aws("lambda").add_permission(
        FunctionName=arn,
        StatementId=f"s-{uuid.uuid4().hex[:8]}",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        **options,
    )


def schema(*required):
    return json.dumps({"type": "object", "required": list(required)})


@pytest.fixture
def api(aws, engine, function):
    """`api(paths, **CreateRestApi)`: each path is described as OpenAPI does; returns the URL of its stage."""
    gateway = aws("apigateway")
    made = []

    def make(path="/answer", permitted=True, integration=None, method=None, binary=(), models=None):
        if permitted:
            permit(aws, function)
        api_id = gateway.create_rest_api(name=f"a-{uuid.uuid4().hex[:8]}", binaryMediaTypes=list(binary))["id"]
        made.append(api_id)
        for name, model in (models or {}).items():
            gateway.create_model(restApiId=api_id, name=name, contentType="application/json", schema=model)
        if method and method.get("requestValidatorId") == "all":
            validator = gateway.create_request_validator(
                restApiId=api_id, validateRequestBody=True, validateRequestParameters=True
            )
            method = {**method, "requestValidatorId": validator["id"]}
        resource = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
        for part in path.strip("/").split("/"):
            resource = gateway.create_resource(restApiId=api_id, parentId=resource, pathPart=part)["id"]
        for verb in ("GET", "POST"):
            gateway.put_method(
                restApiId=api_id, resourceId=resource, httpMethod=verb, authorizationType="NONE", **(method or {})
            )
            gateway.put_integration(
                **{
                    "restApiId": api_id,
                    "resourceId": resource,
                    "httpMethod": verb,
                    "type": "AWS_PROXY",
                    "integrationHttpMethod": "POST",
                    "uri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations",
                }
                | (integration or {})
            )
        gateway.create_deployment(restApiId=api_id, stageName="s", variables={"v": "1"})
        return engine.rest_api_url(api_id, "s")

    yield make
    for api_id in made:
        gateway.delete_rest_api(restApiId=api_id)


def refusal(answer):
    return answer.status_code, answer.json(), answer.headers["x-amzn-ErrorType"]


@pytest.mark.parametrize(
    "answer",
    [
        "raise",
        None,
        "text",
        5,
        [],
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": "two hundred"},
        {"statusCode": [200]},
        {"message": "no proxy response"},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "multiValueHeaders": {"x": "y"}},
    ],
    ids=json.dumps,
)
def test_failed_or_malformed_function_result_returns_502(api, answer):
    assert refusal(httpx.post(f"{api()}/answer", json=answer, timeout=30)) == INTERNAL


def test_function_result_may_omit_every_member(api):
    answer = httpx.post(f"{api()}/answer", json={}, timeout=30)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"


def test_function_result_becomes_status_headers_and_body(api):
    answer = {
        "statusCode": 201,
        "headers": {"X-One": "1", "X-Both": "single"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "X-Both": ["multiple"]},
        "body": "made",
    }
    got = httpx.post(f"{api()}/answer", json=answer, timeout=30)
    assert (got.status_code, got.text, got.headers["X-One"]) == (201, "made", "1")
    assert got.headers.get_list("Set-Cookie") == ["a=1", "b=2"]
    assert got.headers["X-Both"] == "multiple, single"


def test_integration_over_its_timeout_returns_504(api):
    url = api(integration={"timeoutInMillis": 1000})
    answer = httpx.post(f"{url}/answer", json="late", timeout=30)
    assert refusal(answer) == (504, {"message": "Endpoint request timed out"}, "InternalServerErrorException")
    assert answer.elapsed.total_seconds() < 15


def test_function_without_api_permission_is_configuration_error(api, aws, function):
    """'Execution failed due to configuration error: Invalid permissions on Lambda function'
    (https://repost.aws/knowledge-center/api-gateway-lambda-template-invoke-error)"""
    url = api(permitted=False)
    broken = (500, {"message": "Internal server error"}, "InternalServerErrorException")
    assert refusal(httpx.get(f"{url}/answer", timeout=30)) == broken
    permit(aws, function, SourceArn="arn:aws:execute-api:us-east-1:000000000000:another/*/*/*")
    assert refusal(httpx.get(f"{url}/answer", timeout=30)) == broken
    api_id = url.split("://")[1].split(".")[0] if "execute-api" in url.split("/")[2] else url.split("/")[-2]
    permit(aws, function, SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api_id}/*/POST/answer")
    assert httpx.post(f"{url}/answer", json={}, timeout=30).status_code == 200
    assert refusal(httpx.get(f"{url}/answer", timeout=30)) == broken


def test_unknown_path_or_method_is_missing_authentication_token(api):
    url = api()
    missing = (403, {"message": "Missing Authentication Token"}, "MissingAuthenticationTokenException")
    assert refusal(httpx.get(f"{url}/nowhere", timeout=30)) == missing
    assert refusal(httpx.delete(f"{url}/answer", timeout=30)) == missing


def test_a_validator_refuses_a_body_that_its_model_refuses(api):
    url = api(
        method={"requestValidatorId": "all", "requestModels": {"application/json": "Album"}},
        models={"Album": schema("title")},
    )
    invalid = (400, {"message": "Invalid request body"}, "BadRequestException")
    assert refusal(httpx.post(f"{url}/answer", json={}, timeout=30)) == invalid
    assert refusal(httpx.post(f"{url}/answer", json=[], timeout=30)) == invalid
    assert (
        refusal(httpx.post(f"{url}/answer", content=b"{", headers={"Content-Type": "application/json"}, timeout=30))
        == invalid
    )
    assert refusal(httpx.post(f"{url}/answer", content=b"{}", headers={"Content-Type": ""}, timeout=30)) == invalid
    with_charset = {"Content-Type": "application/json; charset=utf-8"}
    assert refusal(httpx.post(f"{url}/answer", content=b"{}", headers=with_charset, timeout=30)) == invalid
    # It passes the validator, and is no proxy response.
    assert httpx.post(f"{url}/answer", json={"title": "x"}, timeout=30).status_code == 502


def test_a_validator_leaves_content_types_without_a_model_alone(api):
    """'If no matching content type is found, request validation isn't performed.'
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html)"""
    url = api(
        method={"requestValidatorId": "all", "requestModels": {"application/json": "Album"}},
        models={"Album": schema("title")},
    )
    answer = httpx.post(f"{url}/answer", content=b"{}", headers={"Content-Type": "text/plain"}, timeout=30)
    assert answer.status_code == 200


def test_validator_refuses_missing_or_blank_required_parameters(api):
    """'The required request parameters in the URI, query string, and headers of an incoming request are included and
    not blank.' (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html)"""
    required = {"method.request.querystring.page": True, "method.request.header.x-who": True}
    url = api(method={"requestValidatorId": "all", "requestParameters": required})

    def missing(names):
        message = f"Missing required request parameters: [{names}]"
        return 400, {"message": message}, "BadRequestException"

    assert refusal(httpx.get(f"{url}/answer", timeout=30)) == missing("x-who, page")
    assert refusal(httpx.get(f"{url}/answer?page=1", timeout=30)) == missing("x-who")
    assert refusal(httpx.get(f"{url}/answer?page=", headers={"x-who": "ada"}, timeout=30)) == missing("page")
    answer = httpx.post(f"{url}/answer?page=1", headers={"x-who": "ada"}, json={}, timeout=30)
    assert answer.status_code == 200, answer.text


def test_a_binary_body_goes_in_and_comes_out_through_base64(api):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html"""
    picture = b"\x89PNG\xff"
    url = api("/echo", binary=["image/png"])
    event = httpx.post(f"{url}/echo", content=picture, headers={"Content-Type": "image/png"}, timeout=30).json()
    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(picture).decode(), True)
    # The type decides, not the bytes.
    event = httpx.post(f"{url}/echo", content=b"text", headers={"Content-Type": "image/png"}, timeout=30).json()
    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"text").decode(), True)
    event = httpx.post(f"{url}/echo", content=b"text", headers={"Content-Type": "text/plain"}, timeout=30).json()
    assert (event["body"], event["isBase64Encoded"]) == ("text", False)


def test_base64_body_is_decoded_only_for_accepted_binary_types(api):
    picture = b"\x89PNG\xff"
    answer = {
        "statusCode": 200,
        "headers": {"Content-Type": "image/png"},
        "body": base64.b64encode(picture).decode(),
        "isBase64Encoded": True,
    }
    url = api(binary=["image/png"])
    assert httpx.post(f"{url}/answer", json=answer, headers={"Accept": "image/png"}, timeout=30).content == picture
    as_text = httpx.post(f"{url}/answer", json=answer, headers={"Accept": "text/html"}, timeout=30)
    assert as_text.content == base64.b64encode(picture)


def test_preflight_request_gets_the_mock_response(aws, engine):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-cors.html"""
    gateway = aws("apigateway")
    api_id = gateway.create_rest_api(name=f"a-{uuid.uuid4().hex[:8]}")["id"]
    try:
        root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
        method = {"restApiId": api_id, "resourceId": root, "httpMethod": "OPTIONS"}
        headers = {"Allow-Origin": "'*'", "Allow-Methods": "'GET,POST'", "Allow-Headers": "'Authorization'"}
        gateway.put_method(**method, authorizationType="NONE")
        gateway.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 204}'})
        named = {f"method.response.header.Access-Control-{name}": value for name, value in headers.items()}
        gateway.put_method_response(**method, statusCode="204", responseParameters=dict.fromkeys(named, True))
        gateway.put_integration_response(**method, statusCode="204", responseParameters=named)
        gateway.create_deployment(restApiId=api_id, stageName="s")
        asked = {"Origin": "https://lumen.example", "Access-Control-Request-Method": "POST"}
        answer = httpx.options(engine.rest_api_url(api_id, "s"), headers=asked)
        assert (answer.status_code, answer.content) == (204, b"")
        for name, value in headers.items():
            assert answer.headers.get_list(f"Access-Control-{name}") == [value.strip("'")]
    finally:
        gateway.delete_rest_api(restApiId=api_id)


def test_values_that_come_more_than_once_are_all_in_the_event(api):
    headers = [("X-Twice", "1"), ("X-Twice", "2")]
    event = httpx.get(f"{api('/echo')}/echo?q=a%20b&q=c&empty=", headers=headers, timeout=30).json()
    assert event["multiValueHeaders"]["X-Twice"] == ["1", "2"]
    assert event["headers"]["X-Twice"] == "2"
    assert event["multiValueQueryStringParameters"] == {"q": ["a b", "c"], "empty": [""]}
    assert event["queryStringParameters"] == {"q": "c", "empty": ""}


def _recorded_event():
    recordings = ORACLE / "aws-recorded/apigateway/test_apigateway_lambda.json"
    if not recordings.exists():
        pytest.skip("the recordings of AWS are not beside this repository (../shared/oracle)")
    recorded = json.loads(recordings.read_text())
    [content] = [
        v["recorded-content"] for k, v in recorded.items() if k.endswith("::test_lambda_aws_proxy_integration")
    ]
    return content["invocation-payload-without-trailing-slash"]


def test_the_event_has_the_fields_that_aws_sends(api):
    event = httpx.get(f"{api('/echo')}/echo", timeout=30).json()
    recorded = _recorded_event()
    assert set(event) == set(recorded)
    assert set(event["requestContext"]) == set(recorded["requestContext"])
    assert set(event["requestContext"]["identity"]) == set(recorded["requestContext"]["identity"])
    needed = {"Host", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}
    assert needed <= set(event["headers"])
    for absent in ("body", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters"):
        assert event[absent] is None
    assert event["stageVariables"] == {"v": "1"}


def test_the_event_is_what_powertools_reads(api):
    event = httpx.get(f"{api('/echo')}/echo?a=1", timeout=30).json()
    parsed = APIGatewayProxyEventModel.model_validate(event)
    assert (parsed.path, parsed.requestContext.path, parsed.requestContext.stage) == ("/echo", "/s/echo", "s")
