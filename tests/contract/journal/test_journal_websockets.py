"""Connections of a WebSocket API, and what goes over them."""

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harness.journal.records import Kind, Phase
from tests.contract.websocket_apis import TELLS, ask

REFUSES = """
def handler(event, context):
    return {"statusCode": 403}
"""
ALLOWS = """
def handler(event, context):
    effect = event["queryStringParameters"]["token"]
    return {"principalId": "ada", "policyDocument": {"Version": "2012-10-17", "Statement": [
        {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}]}}
"""


def of(api):
    return lambda record: api.api_id in record.resource


def test_a_frame_is_the_root_of_what_it_causes(websocket_api, journal, trace):
    api = websocket_api({"$default": TELLS, "$disconnect": TELLS})
    with api.connected(additional_headers={"X-Amzn-Trace-Id": f"Root={trace}"}) as client:
        connection = ask(client, {"say": "hello"})["requestContext"]["connectionId"]
    opened = journal.wait(Kind.REQUEST, of(api), Phase.BEGIN)
    assert (opened.service, opened.name, opened.trace) == ("apigatewayv2", "CONNECT", trace)
    assert opened.data["connection"] == connection
    assert journal.end(opened).data["status"] == 101

    received = journal.wait(Kind.FRAME, lambda r: of(api)(r) and r.data.get("direction") == "in", Phase.BEGIN)
    assert (received.name, received.trace, received.cause) == ("$default", trace, None)
    assert received.takes == (f"frame:{trace}:1",)
    assert received.data["body"] == {"say": "hello"}
    assert journal.end(received).data["response"]["status"] == 200

    sent = journal.wait(Kind.FRAME, lambda r: of(api)(r) and r.data.get("direction") == "out")
    assert (sent.name, sent.data["connection"]) == ("PostToConnection", connection)
    kinds = [(cause.kind, cause.name) for cause in journal.causes(sent)]
    assert kinds[0] == (Kind.CALL, "PostToConnection")
    assert Kind.INVOCATION in [kind for kind, _ in kinds]
    assert kinds[-1] == (Kind.FRAME, "$default")
    assert {journal.causes(sent)[-1].activity} == {received.activity}

    closed = journal.wait(Kind.CONNECTION, of(api), Phase.BEGIN)
    assert {n: closed.data[n] for n in ("connection", "code", "by")} == {
        "connection": connection, "code": 1000, "by": "client",
    }  # fmt: skip
    about = (connection, "disconnectStatusCode")
    told = journal.wait(Kind.INVOCATION, lambda r: r.cause is not None and all(a in json.dumps(r.data) for a in about))
    assert closed.activity in [cause.activity for cause in journal.causes(told)]


def test_message_without_matching_route_gets_an_error_frame(websocket_api, journal):
    api = websocket_api({"ping": TELLS})
    with api.connected() as client:
        ask(client, "hello")
    received = journal.wait(Kind.FRAME, lambda r: of(api)(r) and r.data.get("direction") == "in", Phase.BEGIN)
    assert (received.name, received.data["route"]) == ("$default", None)
    assert journal.end(received).data["error"] == {"code": "ForbiddenException", "message": "Forbidden"}
    sent = journal.wait(Kind.FRAME, lambda r: of(api)(r) and r.data.get("direction") == "out")
    assert (sent.name, sent.cause) == ("Error", received.activity)


def test_a_connection_that_a_call_ends_is_caused_by_it(websocket_api, journal):
    answers = """
    import json
    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(event)}
    """
    api = websocket_api({"$default": answers}, answering=("$default",))
    with api.connected() as client:
        connection = ask(client, "hello")["requestContext"]["connectionId"]
        api.connections.delete_connection(ConnectionId=connection)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=20)
    closed = journal.wait(Kind.CONNECTION, of(api), Phase.BEGIN)
    assert (closed.data["by"], closed.data["code"]) == ("DeleteConnection", 1000)
    [call, *_] = journal.causes(closed)
    assert (call.kind, call.service, call.name) == (Kind.CALL, "apigatewaymanagementapi", "DeleteConnection")


def test_a_connection_that_is_refused_says_how_it_was(websocket_api, journal):
    api = websocket_api({"$connect": REFUSES})
    with pytest.raises(InvalidStatus), api.connected():
        pass
    opened = journal.wait(Kind.REQUEST, of(api), Phase.BEGIN)
    assert journal.end(opened).data["status"] == 403


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_authorizer_decision_is_recorded(websocket_api, journal, effect):
    api = websocket_api({"$connect": REFUSES}, authorizer=ALLOWS)
    with pytest.raises(InvalidStatus), api.connected(f"?token={effect}"):
        pass
    opened = journal.wait(Kind.REQUEST, of(api), Phase.BEGIN)
    decision = journal.wait(Kind.DECISION, of(api))
    assert (decision.service, decision.name, decision.cause) == ("apigatewayv2", "who", opened.activity)
    assert decision.data["passed"] is (effect == "Allow")
    assert decision.data.get("principal") == ("ada" if effect == "Allow" else None)
    assert decision.data.get("reason") == (None if effect == "Allow" else "AccessDeniedException")
    # A token in a query is a secret.
    assert effect not in json.dumps(opened.data["query"])
