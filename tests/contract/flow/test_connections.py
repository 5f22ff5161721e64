"""Flows of WebSocket connections: a message is of the flow in which it was sent, and is waited for until it was served."""

from collections.abc import Callable

import pytest

from harness.engine.websocket import WebSocket
from harness.errors import FlowTimeoutError
from harness.journal.records import Kind
from tests.contract.websocket_apis import ECHO, TELLS, MakeApi

Connect = Callable[[str], WebSocket]


def bodies(flow, direction: str) -> list:
    frames = flow.find(Kind.FRAME)
    return [frame.data["body"] for frame in frames if frame.data["direction"] == direction]


def test_frame_belongs_to_the_flow_in_which_it_is_sent(flow, websocket: Connect, websocket_api: MakeApi):
    url = websocket_api({"$default": ECHO}).url
    before = websocket(url)
    before.send("before")
    with flow() as first:
        opened = websocket(url)
        before.send("first of one")
        opened.send("first of the other")
    with flow() as second:
        opened.send("second")
    first.settle()
    second.settle()
    assert sorted(bodies(first, "in")) == ["first of one", "first of the other"]
    assert len(first.find(Kind.REQUEST, name="CONNECT")) == 1
    assert bodies(second, "in") == ["second"]
    assert second.find(Kind.REQUEST) == []


def test_settle_waits_for_message_without_response(flow, websocket: Connect, websocket_api: MakeApi):
    client = websocket(websocket_api({"$default": ECHO}).url)
    with flow() as f:
        client.send("hello")
    f.settle()
    [invocation] = f.find(Kind.INVOCATION)
    assert invocation.data["event"]["body"] == "hello"


def test_a_message_to_a_client_belongs_to_whatever_sent_it(flow, websocket: Connect, websocket_api: MakeApi):
    client = websocket(websocket_api({"$default": TELLS}).url)
    with flow() as f:
        client.send("tell me")
    f.settle()
    [told] = bodies(f, "out")
    assert told["body"] == "tell me"
    assert client.recv(timeout=20)


def test_the_end_of_a_connection_is_waited_for(flow, websocket: Connect, websocket_api: MakeApi):
    api = websocket_api({"$default": ECHO, "$disconnect": ECHO})
    client = websocket(api.url)
    with flow() as f:
        client.close()
    f.settle()
    [end] = f.find(Kind.CONNECTION)
    assert end.data["by"] == "client"
    assert len(f.find(Kind.INVOCATION)) == 1


def test_message_lost_before_the_api_is_reported_as_pending(
    flow, websocket: Connect, websocket_api: MakeApi, monkeypatch
):
    client = websocket(websocket_api({"$default": ECHO}).url)
    # As if the network had kept it.
    monkeypatch.setattr("websockets.sync.connection.Connection.send", lambda *_arguments, **_settings: None)
    with flow() as f:
        client.send("lost")
    with pytest.raises(FlowTimeoutError, match=r"has not come to the API within 0\.5 seconds: frame:1-"):
        f.settle(timeout_seconds=0.5)
