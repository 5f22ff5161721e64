"""https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html"""

import pytest

from harness.emulator.websocket.route_selection import is_served, route_key


@pytest.mark.parametrize(
    ("expression", "body", "key"),
    [
        ("$request.body.action", '{"action": "join"}', "join"),
        ("${request.body.action}", '{"action": "join"}', "join"),
        ("$request.body.action", '{"action": 7}', "7"),
        ("$request.body.action", '{"action": true}', "true"),
        ("$request.body.message.kind", '{"message": {"kind": "a"}}', "a"),
        ("${request.body.list[1]}", '{"list": ["a", "b"]}', "b"),
        ("${request.body.a}-${request.body.b}", '{"a": 1, "b": "x"}', "1-x"),
        ("${request.body.a}-${request.body.b}", '{"a": 1}', "$default"),
        ("$request.body.action", '{"action": {"a": 1}}', "$default"),
        ("$request.body.action", '{"action": null}', "$default"),
        ("$request.body.action", '"action"', "$default"),
        ("$request.body.action", "[]", "$default"),
        ("$request.body.action", "{", "$default"),
        ("$request.body.action", "", "$default"),
    ],
)
def test_the_key_that_a_message_selects(expression, body, key):
    assert route_key(expression, body) == key


@pytest.mark.parametrize(
    ("expression", "served"),
    [
        ("$request.body.action", True),
        ("${request.body.a}/${request.body.b}", True),
        ("$request.header.x", False),
        ("$context.routeKey", False),
        ("${request.body.a}${request.header.b}", False),
        ("action", False),
    ],
)
def test_expressions_are_of_the_body(expression, served):
    assert is_served(expression) is served
