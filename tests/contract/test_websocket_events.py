"""The events of a WebSocket API, as AWS documents them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
"""

import json
import re

import pytest
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayWebSocketConnectEventModel,
    APIGatewayWebSocketDisconnectEventModel,
    APIGatewayWebSocketMessageEventModel,
)

from tests.contract.addresses import is_from_this_machine
from tests.contract.websocket_apis import ECHO, ask

TO_QUEUE = """
import json, boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl="%s", MessageBody=json.dumps(event))
    return {"statusCode": 200}
"""
COMMON = {
    "routeKey", "eventType", "extendedRequestId", "requestTime", "messageDirection", "stage", "connectedAt",
    "requestTimeEpoch", "identity", "requestId", "domainName", "connectionId", "apiId",
}  # fmt: skip


@pytest.fixture
def told(queue):
    """The source of a function that puts its events into a queue, and the next event of the queue."""
    return TO_QUEUE % queue.url, lambda: json.loads(queue.receive()["Body"])


def test_the_event_of_connect_has_the_request(websocket_api, told):
    source, next_event = told
    api = websocket_api({"$connect": source}, stage={"StageVariables": {"colour": "red"}})
    with api.connected("?token=a&token=b&q=1", additional_headers=[("X-Who", "ada"), ("X-Who", "bob")]):
        event = next_event()
    APIGatewayWebSocketConnectEventModel.model_validate(event)
    assert set(event) == {
        "headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters", "requestContext",
        "isBase64Encoded", "stageVariables",
    }  # fmt: skip
    about = event["requestContext"]
    assert set(about) == COMMON
    assert (about["eventType"], about["routeKey"], about["messageDirection"]) == ("CONNECT", "$connect", "IN")
    assert is_from_this_machine(about["identity"]["sourceIp"])
    assert re.fullmatch(r"[\w-]{15}=", about["connectionId"])
    assert about["requestId"] == about["extendedRequestId"]
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", about["requestTime"])
    assert about["connectedAt"] <= about["requestTimeEpoch"]
    assert event["queryStringParameters"] == {"token": "b", "q": "1"}
    assert event["multiValueQueryStringParameters"] == {"token": ["a", "b"], "q": ["1"]}
    assert event["headers"]["Host"] == about["domainName"]
    assert event["multiValueHeaders"]["X-Who"] == ["ada", "bob"]
    assert {"X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"} < set(event["headers"])
    assert not {"connection", "upgrade"} & {name.lower() for name in event["headers"]}
    assert event["stageVariables"] == {"colour": "red"}
    assert event["isBase64Encoded"] is False


def test_a_request_without_a_query_has_none_in_its_event(websocket_api, told):
    source, next_event = told
    api = websocket_api({"$connect": source})
    with api.connected():
        assert set(next_event()) == {"headers", "multiValueHeaders", "requestContext", "isBase64Encoded"}


def test_the_event_of_a_message_has_its_body_and_no_headers(websocket_api):
    api = websocket_api({"say": ECHO}, answering=("say",))
    with api.connected() as client:
        first, second = (ask(client, {"action": "say", "n": n}) for n in (1, 2))
    APIGatewayWebSocketMessageEventModel.model_validate(first)
    assert set(first) == {"requestContext", "body", "isBase64Encoded"}
    assert set(first["requestContext"]) == COMMON | {"messageId"}
    assert first["requestContext"]["eventType"] == "MESSAGE"
    assert json.loads(first["body"]) == {"action": "say", "n": 1}
    same = ("connectionId", "connectedAt", "apiId", "stage", "domainName")
    assert {n: first["requestContext"][n] for n in same} == {n: second["requestContext"][n] for n in same}
    assert first["requestContext"]["messageId"] != second["requestContext"]["messageId"]


@pytest.mark.parametrize(
    ("leave", "code", "reason"),
    [
        (lambda client: client.close(1000, "enough"), 1000, "enough"),
        (lambda client: client.close(1000), 1000, "Connection Closed Normally"),
        (lambda client: client.socket.close(), 1006, "Connection closed abnormally"),
    ],
    ids=["with a reason", "without", "without a word"],
)
def test_the_event_of_disconnect_says_why(websocket_api, told, leave, code, reason):
    source, next_event = told
    api = websocket_api({"$disconnect": source})
    with api.connected() as client:
        leave(client)
    event = next_event()
    APIGatewayWebSocketDisconnectEventModel.model_validate(event)
    about = event["requestContext"]
    assert set(about) == COMMON | {"disconnectStatusCode", "disconnectReason"}
    assert (about["eventType"], about["routeKey"]) == ("DISCONNECT", "$disconnect")
    assert (about["disconnectStatusCode"], about["disconnectReason"]) == (code, reason)
    assert event["headers"] == {
        "Host": about["domainName"], "x-api-key": "", "X-Forwarded-For": "", "x-restapi": "",
    }  # fmt: skip


def test_a_connection_that_is_deleted_is_disconnected_normally(websocket_api, told):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html"""
    source, next_event = told
    api = websocket_api({"$disconnect": source, "$default": ECHO}, answering=("$default",))
    with api.connected() as client:
        connection_id = ask(client, "hello")["requestContext"]["connectionId"]
        api.connections.delete_connection(ConnectionId=connection_id)
        about = next_event()["requestContext"]
    assert about["connectionId"] == connection_id
    assert (about["disconnectStatusCode"], about["disconnectReason"]) == (1000, "Connection Closed Normally")
