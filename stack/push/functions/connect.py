"""$connect: remembers the connection. Nothing is pushed to it before it subscribes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
"""

import os
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

LIFE_SECONDS = 2 * 3600
"""API Gateway ends every connection after two hours
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html)."""

logger = Logger()
connections = boto3.resource("dynamodb").Table(os.environ["CONNECTIONS_TABLE"])


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    request = event["requestContext"]
    connections.put_item(
        Item={
            "user_id": request["authorizer"]["user_id"],
            "connection_id": request["connectionId"],
            "connected_at": request["connectedAt"],
            "expires_at": int(time.time()) + LIFE_SECONDS,
        }
    )
    logger.info("connected", extra={"connection_id": request["connectionId"]})
    return {"statusCode": 200}
