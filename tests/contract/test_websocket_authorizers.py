"""REQUEST authorizers of `$connect`.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

import json

import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus

from tests.contract.websocket_apis import ECHO, ask

AUTHORIZER = """
import json
def handler(event, context):
    token = event["queryStringParameters"]["token"]
    if token == "crash": raise RuntimeError("no")
    if token == "nobody": raise Exception("Unauthorized")
    if token == "nothing": return None
    effect = "Deny" if token == "deny" else "Allow"
    resource = event["methodArn"] if token != "elsewhere" else event["methodArn"].replace("$connect", "$default")
    return {"principalId": "ada", "context": {"n": 1, "yes": True, "event": json.dumps(event)},
        "policyDocument": {"Version": "2012-10-17", "Statement": [
            {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}]}}
"""


@pytest.fixture
def api(websocket_api):
    return websocket_api({"$connect": ECHO, "$default": ECHO}, answering=("$default",), authorizer=AUTHORIZER)


def refused(api, query):
    with pytest.raises(InvalidStatus) as error, api.connected(query):
        pass
    response = error.value.response
    return response.status_code, json.loads(response.body)["message"]


def test_whom_the_authorizer_lets_in_is_known_to_every_event(api):
    with api.connected("?token=ada") as client:
        said = ask(client, "hello")["requestContext"]["authorizer"]
    assert (said["principalId"], said["n"], said["yes"]) == ("ada", "1", "true")
    assert said["integrationLatency"] >= 0


def test_the_authorizer_gets_the_request_as_aws_documents_it(api):
    with api.connected("?token=ada") as client:
        event = json.loads(ask(client, "hello")["requestContext"]["authorizer"]["event"])
    assert (event["type"], event["methodArn"]) == ("REQUEST", api.arn("test/$connect"))
    assert set(event) == {
        "type", "methodArn", "headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters",
        "stageVariables", "requestContext",
    }  # fmt: skip
    assert event["headers"]["Upgrade"] == "websocket"
    assert event["headers"]["content-length"] == "0"
    assert event["requestContext"]["eventType"] == "CONNECT"
    assert "authorizer" not in event["requestContext"]


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        ("deny", (403, "User is not authorized to access this resource with an explicit deny")),
        ("elsewhere", (403, "User is not authorized to access this resource")),
        ("nobody", (401, "Unauthorized")),
        ("crash", (500, "Internal server error")),
        ("nothing", (500, "Internal server error")),
    ],
)
def test_the_authorizer_refuses(api, token, answer):
    assert refused(api, f"?token={token}") == answer


def test_missing_identity_source_does_not_invoke_the_authorizer(api):
    """The function would fail on a request without a token, which has another response."""
    assert refused(api, "") == (401, "Unauthorized")
    assert refused(api, "?token=") == (401, "Unauthorized")


def test_an_identity_source_may_be_a_header(websocket_api):
    source = AUTHORIZER.replace('event["queryStringParameters"]["token"]', 'event["headers"]["X-Token"]')
    settings = {"IdentitySource": ["route.request.header.X-Token"]}
    api = websocket_api({"$connect": ECHO}, authorizer=source, authorizer_settings=settings)
    assert refused(api, "?token=ada") == (401, "Unauthorized")
    with api.connected(additional_headers={"X-Token": "ada"}):
        pass


def test_nothing_is_kept_for_the_next_connection(api):
    """The authorizer is invoked for every connection, whatever the TTL: only REST and HTTP APIs cache its result
    (https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers.html)."""
    with api.connected("?token=ada") as client:
        first = json.loads(ask(client, "hello")["requestContext"]["authorizer"]["event"])
    with api.connected("?token=ada") as client:
        second = json.loads(ask(client, "hello")["requestContext"]["authorizer"]["event"])
    assert first["requestContext"]["connectionId"] != second["requestContext"]["connectionId"]


def test_an_authorizer_is_for_connect_alone(api, aws):
    gateway = aws("apigatewayv2")
    [authorizer] = gateway.get_authorizers(ApiId=api.api_id)["Items"]
    with pytest.raises(ClientError, match=r"BadRequestException.*\$connect route only"):
        gateway.create_route(
            ApiId=api.api_id,
            RouteKey="ping",
            AuthorizationType="CUSTOM",
            AuthorizerId=authorizer["AuthorizerId"],
        )
