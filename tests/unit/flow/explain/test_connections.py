"""When a push to a closed connection is a loss, and the finding for a client's message without a route."""

import pytest

from harness.journal.records import Kind, Phase, Record

API = """
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}}
  Deliver: {Type: AWS::Lambda::Function}
"""
STAGE = "arn:aws:execute-api:us-east-1:000000000000:api/v1"
DELIVER = "arn:aws:lambda:us-east-1:000000000000:function:deliver"
GONE = {"code": "GoneException", "message": "GoneException"}


def pushed(sockets, *connections, error=None):
    """A function that posts to these connections; ids that begin with `gone` are closed. `error` is its own."""
    own = {"error": error} if error else {}
    invocation = sockets.activity(Kind.INVOCATION, "lambda", "deliver", DELIVER, **own)
    for connection in connections:
        failed = {"error": GONE} if connection.startswith("gone") else {}
        request = {"ConnectionId": connection}
        call = sockets.activity(
            Kind.CALL, "apigatewaymanagementapi", "PostToConnection", STAGE, invocation, request=request, **failed
        )
        if not failed:
            sockets.note(Kind.FRAME, "apigatewayv2", "PostToConnection", STAGE, call, direction="out")


def test_closed_connection_is_no_finding_if_another_got_the_push(recording):
    sockets = recording(API)
    pushed(sockets, "gone", "open")
    assert sockets.told() == []


def test_closed_connection_without_any_push_is_a_doubt(recording):
    sockets = recording(API)
    pushed(sockets, "gone")
    assert sockets.told() == [("connection-gone", False)]


def test_closed_connection_is_a_loss_if_the_function_fails(recording):
    sockets = recording(API)
    raised = {"errorType": "GoneException", "errorMessage": "An error occurred (GoneException)"}
    pushed(sockets, "gone", "open", error=raised)
    assert sockets.told() == [("connection-gone", True)]


@pytest.mark.parametrize(
    ("by", "why"),
    [("client", "its client closed it"), ("idle", "nothing was said on it for ten minutes"), ("lifetime", "two hours")],
)
def test_connection_end_in_another_flow_is_part_of_the_finding(recording, by, why):
    sockets = recording(API)
    ended = Record(
        1, Kind.CONNECTION, Phase.NOTE, 100, None, 0.5, "apigatewayv2", "DISCONNECT", STAGE, trace="1-other",
        takes=("closed:gone",), data={"connection": "gone", "by": by, "code": 1001, "reason": "Going away"},
    )  # fmt: skip
    sockets.history.add(ended)
    pushed(sockets, "gone")
    [finding] = sockets.explained()
    assert why in finding.sentence
    assert "00:00:00 UTC, 1.5 s before (1001 Going away)" in finding.sentence


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("hello", "takes the message, which is not JSON, and"),
        ({"hello": 1}, "takes the message, which has no action, and"),
        ({"action": "dance"}, "takes the message, whose action is 'dance', and"),
    ],
)
def test_message_without_route_is_explained_by_its_fields(recording, body, told):
    sockets = recording(API)
    sockets.activity(
        Kind.FRAME, "apigatewayv2", "", STAGE, direction="in", route=None, body=body, error={"message": "Forbidden"}
    )
    [finding] = sockets.explained()
    assert (finding.cause, finding.lost) == ("route-not-found", True)
    assert told in finding.sentence


def test_oversized_message_is_explained_as_cause_of_the_close(recording):
    sockets = recording(API)
    said = {"connection": "c", "by": "limit", "code": 1009, "reason": "Frame too large"}
    sockets.activity(Kind.CONNECTION, "apigatewayv2", "DISCONNECT", STAGE, **said)
    [finding] = sockets.explained()
    assert finding.cause == "message-not-taken"
    assert finding.sentence.startswith("API Api closed the connection c with 1009, Frame too large:")


def test_connection_closed_by_its_client_has_no_finding(recording):
    sockets = recording(API)
    sockets.activity(Kind.CONNECTION, "apigatewayv2", "DISCONNECT", STAGE, connection="c", by="client", code=1000)
    assert sockets.told() == []
