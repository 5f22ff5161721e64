"""WebSocket APIs: which route a message takes, and what its function gets.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
"""

import json

from tests.contract.websocket_apis import ECHO, ask


def test_a_message_goes_to_the_route_that_its_action_names(websocket_api):
    api = websocket_api({"$default": ECHO, "ping": ECHO}, answering=("$default", "ping"))
    with api.connected() as client:
        assert ask(client, {"action": "ping"})["requestContext"]["routeKey"] == "ping"
        assert ask(client, {"action": "other"})["requestContext"]["routeKey"] == "$default"
        assert ask(client, "no JSON")["requestContext"]["routeKey"] == "$default"
        assert ask(client, json.dumps(["ping"]))["requestContext"]["routeKey"] == "$default"
