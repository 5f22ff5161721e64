"""$default: unknown actions, and messages that are not JSON. The sender gets an error message."""

import json
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

ACTIONS = ("subscribe", "unsubscribe", "ping")

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    logger.info("unknown action", extra={"connection_id": event["requestContext"]["connectionId"]})
    message = f"Send JSON with an action: {', '.join(ACTIONS)}."
    return {"statusCode": 200, "body": json.dumps({"type": "error", "message": message})}
