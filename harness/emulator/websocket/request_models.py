"""Validates messages against the models of their route.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-request-validation.html
"""

import json

from jsonschema import Draft4Validator

from harness.emulator.websocket.apis import Settings, Snapshot
from harness.emulator.websocket.integrations import GatewayError
from harness.emulator.websocket.route_selection import DEFAULT, route_key


def validate(snapshot: Snapshot, route: Settings, body: str) -> None:
    """Raise GatewayError for a message that is not as the model says that the route's model selection expression chooses;
    a route without one takes anything."""
    expression = route.get("ModelSelectionExpression")
    if not expression:
        return
    models = route.get("RequestModels") or {}
    name = models.get(route_key(expression, body)) or models.get(DEFAULT)
    model = next((one for one in snapshot.parts["Model"].values() if one["Name"] == name), None)
    try:
        if model is not None and Draft4Validator(json.loads(model["Schema"])).is_valid(json.loads(body)):
            return
    except ValueError:
        pass
    raise GatewayError(400, "Bad request body", "BadRequestException")
